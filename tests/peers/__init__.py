"""The web-server side of each protocol in plain Python, written apart from core/."""

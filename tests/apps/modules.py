"""Says which modules the server has loaded; imports nothing itself."""


def app(environ, start_response):
    """One name a line."""
    import sys

    start_response("200 OK", [("Content-Type", "text/plain")])
    return ["\n".join(sorted(sys.modules)).encode()]

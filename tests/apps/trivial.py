"""The smallest application: what it costs is what the server costs."""


def app(environ, start_response):
    """Says hello."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]

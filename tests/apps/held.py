"""Calls that last until somebody opens the FIFO that the query names, so that all threads work at once."""


def app(environ, start_response):
    """Says hello; below /held it says so, waits, and ends."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return hold(environ["QUERY_STRING"]) if environ["PATH_INFO"] == "/held" else [b"hello"]


def hold(fifo):
    yield b"held"
    with open(fifo, "rb"):
        pass

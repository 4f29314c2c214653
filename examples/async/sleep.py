"""Answers after as many seconds as the path says: GET /1.5."""

from polydoor.asyncwsgi import run, sleep, sync_adapter


@sync_adapter
def application(environ, start_response):
    """Waits, and says so."""
    try:
        seconds = min(60.0, max(0.0, float(environ["PATH_INFO"].strip("/") or 1)))
    except ValueError:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        yield b"the path is a number of seconds\n"
        return
    yield from run(environ, sleep(seconds))
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield f"{seconds} s later\n".encode()

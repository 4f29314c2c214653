"""An application whose faults the log tells of."""


def app(environ, start_response):
    if environ["PATH_INFO"] == "/raise":
        raise RuntimeError("planted")
    start_response("200 OK", [("Content-Length", "10")])
    return [b"short"]

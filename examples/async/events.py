"""Server-sent events: GET /events listens, POST / says something to all who do, GET / is a page that shows them."""

from polydoor.asyncwsgi import EVENT_STREAM, Channel, event, event_stream, sync_adapter

PAGE = b"""<!doctype html>
<title>Events</title>
<ul id="list"></ul>
<script>
  new EventSource("/events").onmessage = message =>
    document.getElementById("list").append(Object.assign(document.createElement("li"), {textContent: message.data}));
</script>
"""
channel: Channel[bytes] = Channel()  # each worker process has its own


def listen(environ, start_response):
    """An endless response; whoever is too slow to take what is said loses the connection, and comes back."""
    start_response("200 OK", EVENT_STREAM)
    return event_stream(environ, channel)


def say(environ, start_response):
    """Gives the body to all."""
    size = int(environ.get("CONTENT_LENGTH") or 0)
    channel.publish(event(environ["wsgi.input"].read(min(size, 10_000)).decode("utf-8", "replace")))
    start_response("204 No Content", [])
    return []


def show(_, start_response):
    """The page."""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(PAGE)))])
    return [PAGE]


@sync_adapter
def application(environ, start_response):
    """The three of them."""
    if environ["REQUEST_METHOD"] == "POST":
        return say(environ, start_response)
    return (listen if environ["PATH_INFO"] == "/events" else show)(environ, start_response)

"""Long polling: GET /NUMBER waits for the messages behind that one, POST / sends one.

The answer to GET is JSON: the number to ask with next, and the messages, none when nothing came for a while.
"""

import json

from polydoor.asyncwsgi import Channel, MissedError, run, sync_adapter

WAIT = 25.0  # seconds: less than what proxies allow
channel: Channel[str] = Channel(keep=1000)  # each worker process has its own


@sync_adapter
def application(environ, start_response):
    """Both of them."""
    if environ["REQUEST_METHOD"] == "POST":
        size = int(environ.get("CONTENT_LENGTH") or 0)
        answer = {"number": channel.publish(environ["wsgi.input"].read(min(size, 10_000)).decode("utf-8", "replace"))}
    else:
        after = environ["PATH_INFO"].strip("/")
        subscription = channel.subscribe(int(after) if after.isdecimal() else None)
        try:
            messages = yield from run(environ, subscription.take(WAIT))
        except MissedError:
            messages = None  # the asker must read the whole anew
        answer = {"number": subscription.number, "messages": messages}
    start_response("200 OK", [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
    yield json.dumps(answer).encode() + b"\n"

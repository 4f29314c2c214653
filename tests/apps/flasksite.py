"""A Flask site as its documentation shows one: a session, a form, an upload, a stream, and URLs of its own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import flask

if TYPE_CHECKING:
    from collections.abc import Iterator

app = flask.Flask(__name__)
LEFT = Path("left")  # in the working directory
app.secret_key = "for tests only"


@app.route("/", methods=["GET", "POST"])
def index() -> flask.typing.ResponseReturnValue:
    """A form whose text stays in the session."""
    if flask.request.method == "POST":
        flask.session["text"] = flask.request.form["text"]
        return flask.redirect(flask.url_for("index"))
    return f"text: {flask.session.get('text', 'none')}"


@app.post("/upload")
def upload() -> flask.typing.ResponseReturnValue:
    """What an uploaded file is."""
    data = flask.request.files["file"].read()
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@app.get("/download/<int:size>")
def download(size: int) -> flask.typing.ResponseReturnValue:
    """Bytes without a length, one block after the other."""

    def blocks() -> Iterator[bytes]:
        for at in range(0, size, 8192):
            yield b"x" * min(8192, size - at)

    return flask.Response(blocks(), mimetype="application/octet-stream")


@app.get("/where/<path:rest>")
def where(rest: str) -> flask.typing.ResponseReturnValue:
    """Where this is, as the application sees it, and who runs it."""
    request = flask.request
    return {
        "rest": rest,
        "url": request.url,
        "root": request.root_path,
        "made": flask.url_for("where", rest=rest),
        "address": request.remote_addr,
        "authorization": request.headers.get("Authorization"),
        "cookies": dict(request.cookies),
        "uid": os.geteuid(),
    }


@app.get("/endless")
def endless() -> flask.typing.ResponseReturnValue:
    """Never ends by itself; what was left of it is a file."""

    def blocks() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 8192
        finally:
            LEFT.touch()

    return flask.Response(blocks(), mimetype="application/octet-stream")


@app.get("/broken")
def broken() -> flask.typing.ResponseReturnValue:
    """An error of the application."""
    raise ValueError("planted in a view")

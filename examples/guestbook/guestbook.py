"""A guestbook: one real small WSGI application with nothing but the standard library.

It lists, posts, uploads, downloads and streams, so it shows each thing that a server has to do for an application.
Entries and pictures live in one SQLite file, `guestbook.db` here or where GUESTBOOK_DB says.

    polydoor guestbook:app
"""

from __future__ import annotations

import html
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

from multipart import Upload, parse_multipart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIEnvironment

MAX_FORM = 64 * 1024
MAX_UPLOAD = 32 * 1024 * 1024
BLOCK = 64 * 1024
SHOWN = 50

SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL, at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS file (id INTEGER PRIMARY KEY, name TEXT NOT NULL, data BLOB NOT NULL, at TEXT NOT NULL);
"""

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title} · Guestbook</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0; background: #f6f4ef; color: #26241f }}
  header {{ background: #2f4858; color: #fff; padding: 1.2rem 0 }}
  header a {{ color: #fff; text-decoration: none; margin-right: 1.4rem }}
  header b {{ font-size: 1.3rem; margin-right: 2rem }}
  main, header nav {{ max-width: 42rem; margin: 0 auto; padding: 0 1rem }}
  article, form {{ background: #fff; border-radius: 8px; padding: 1rem 1.2rem; margin: 1rem 0;
                   box-shadow: 0 1px 3px #0002 }}
  article p {{ margin: .3rem 0; white-space: pre-wrap; overflow-wrap: anywhere }}
  small {{ color: #746f63 }}
  label {{ display: block; margin: .5rem 0 }}
  input:not([type=file]), textarea {{ font: inherit; width: 100%; box-sizing: border-box; padding: .4rem;
                                      border: 1px solid #c9c3b4; border-radius: 4px }}
  button {{ font: inherit; background: #2f4858; color: #fff; border: 0; border-radius: 4px; padding: .5rem 1.2rem }}
</style>
<header><nav><b>Guestbook</b><a href="{root}/">Entries</a><a href="{root}/files">Files</a><a
href="{root}/stream">Stream</a></nav></header>
<main>
{body}
</main>
"""

ENTRY_FORM = """<form method="post" action="{root}/">
<label>Your name <input name="name" maxlength="80" required></label>
<label>Your words <textarea name="text" rows="3" maxlength="4000" required></textarea></label>
<button>Sign the book</button></form>"""

FILE_FORM = """<form method="post" action="{root}/files" enctype="multipart/form-data">
<label>A file, up to {limit} MiB <input type="file" name="file" required></label>
<button>Upload</button></form>"""


class Answer(Exception):  # noqa: N818 - raised to answer at once; most answers are errors, not all
    """A complete response."""

    def __init__(self, status: str, title: str, text: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.text = text
        self.headers = headers


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request."""
    root = quote(environ.get("SCRIPT_NAME", "").encode("latin-1"))
    try:
        view, argument = _route(environ)
        return view(environ, start_response, root, argument)
    except Answer as answer:
        body = f"<article><h2>{html.escape(answer.title)}</h2><p>{html.escape(answer.text)}</p></article>"
        return _page(start_response, root, answer.title, body, answer.status, answer.headers)


def _route(environ: WSGIEnvironment) -> tuple[Callable[..., Iterable[bytes]], str]:
    path = environ.get("PATH_INFO", "") or "/"
    method = environ["REQUEST_METHOD"]
    first, _, rest = path[1:].partition("/")
    found = VIEWS.get(first) if not rest else None
    if first == "files" and rest.isascii() and rest.isdigit():
        found = {"GET": _download}
    if found is None:
        raise Answer("404 Not Found", "No such page", "The guestbook has entries, files and a stream.")
    allowed = {**found, "HEAD": found["GET"]}
    if method not in allowed:
        allow = ("Allow", ", ".join(allowed))
        raise Answer("405 Method Not Allowed", "Not here", f"{method} means nothing here.", (allow,))
    return allowed[method], rest


def _entries(_environ: WSGIEnvironment, start_response: StartResponse, root: str, _argument: str) -> Iterable[bytes]:
    with closing(_open()) as book:
        rows = book.execute("SELECT name, text, at FROM entry ORDER BY id DESC LIMIT ?", (SHOWN,)).fetchall()
    shown = "\n".join(_entry(*row) for row in rows) or "<p>Nobody has signed yet. Be the first!</p>"
    return _page(start_response, root, "Entries", ENTRY_FORM.format(root=root) + shown)


def _sign(environ: WSGIEnvironment, start_response: StartResponse, root: str, _argument: str) -> Iterable[bytes]:
    length = _length(environ, MAX_FORM)
    form = parse_qs(environ["wsgi.input"].read(length).decode("utf-8", "replace"))
    name, text = (form.get(key, [""])[0].strip() for key in ("name", "text"))
    if not name or not text:
        raise Answer("400 Bad Request", "Incomplete", "A name and some words are needed.")
    with closing(_open()) as book, book:
        book.execute("INSERT INTO entry (name, text, at) VALUES (?, ?, ?)", (name[:80], text[:4000], _now()))
    return _see_other(start_response, f"{root}/")


def _files(_environ: WSGIEnvironment, start_response: StartResponse, root: str, _argument: str) -> Iterable[bytes]:
    with closing(_open()) as book:
        rows = book.execute("SELECT id, name, length(data), at FROM file ORDER BY id DESC LIMIT ?", (SHOWN,)).fetchall()
    shown = "\n".join(
        f'<article><a href="{root}/files/{number}">{html.escape(name)}</a> '
        f"<small>{size:,} bytes, {at}</small></article>"
        for number, name, size, at in rows
    )
    return _page(start_response, root, "Files", FILE_FORM.format(root=root, limit=MAX_UPLOAD >> 20) + shown)


def _upload(environ: WSGIEnvironment, start_response: StartResponse, root: str, _argument: str) -> Iterable[bytes]:
    length = _length(environ, MAX_UPLOAD)
    upload = parse_multipart(environ["wsgi.input"].read(length), environ.get("CONTENT_TYPE", ""), "file")
    if upload is None:
        raise Answer("400 Bad Request", "No file", "The form holds no file.")
    with closing(_open()) as book, book:
        row = (upload.name[:200] or "unnamed", upload.data, _now())
        book.execute("INSERT INTO file (name, data, at) VALUES (?, ?, ?)", row)
    return _see_other(start_response, f"{root}/files")


def _download(environ: WSGIEnvironment, start_response: StartResponse, _root: str, number: str) -> Iterable[bytes]:
    with closing(_open()) as book:
        row = book.execute("SELECT name, data FROM file WHERE id = ?", (number[:18],)).fetchone()
    if row is None:
        raise Answer("404 Not Found", "No such file", "It was never here.")
    upload = Upload(*row)
    # Never shown by the browser as a page of this site, whatever it holds.
    headers = [
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", str(len(upload.data))),
        ("Content-Disposition", f"attachment; filename*=UTF-8''{quote(upload.name, safe='')}"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    start_response("200 OK", headers)
    is_head = environ["REQUEST_METHOD"] == "HEAD"
    return () if is_head else (upload.data[at : at + BLOCK] for at in range(0, len(upload.data), BLOCK))


def _stream(_environ: WSGIEnvironment, start_response: StartResponse, root: str, _argument: str) -> Iterable[bytes]:
    """Send the whole book, one entry a block, without holding it in memory."""
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    before, after = PAGE.format(title="Stream", root=root, body="\0").split("\0")
    return _stream_blocks(before, after)


def _stream_blocks(before: str, after: str) -> Iterator[bytes]:
    yield before.encode()
    number = 0
    with closing(_open()) as book:
        for number, row in enumerate(book.execute("SELECT name, text, at FROM entry ORDER BY id"), 1):  # noqa: B007
            yield _entry(*row).encode()
    yield f"<p><small>{number} in all.</small></p>{after}".encode()


def _entry(name: str, text: str, at: str) -> str:
    return f"<article><b>{html.escape(name)}</b> <small>{at}</small><p>{html.escape(text)}</p></article>\n"


def _page(
    start_response: StartResponse,
    root: str,
    title: str,
    body: str,
    status: str = "200 OK",
    headers: tuple[tuple[str, str], ...] = (),
) -> Iterable[bytes]:
    data = PAGE.format(title=html.escape(title), root=root, body=body).encode()
    own = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(data)))]
    start_response(status, [*own, *headers])
    return [data]


def _see_other(start_response: StartResponse, location: str) -> Iterable[bytes]:
    headers = [("Location", location), ("Content-Type", "text/plain"), ("Content-Length", "0")]
    start_response("303 See Other", headers)
    return []


def _length(environ: WSGIEnvironment, limit: int) -> int:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > limit:
        raise Answer("413 Content Too Large", "Too large", f"At most {limit >> 10} KiB fit here.")
    return length


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _open() -> Any:
    """A connection for this request: SQLite's belong to the thread that made them."""
    book = sqlite3.connect(os.environ.get("GUESTBOOK_DB", "guestbook.db"), timeout=10)
    book.executescript(SCHEMA)
    return book


VIEWS: dict[str, dict[str, Callable[..., Iterable[bytes]]]] = {
    "": {"GET": _entries, "POST": _sign},
    "files": {"GET": _files, "POST": _upload},
    "stream": {"GET": _stream},
}

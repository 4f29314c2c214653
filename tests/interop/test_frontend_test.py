"""`polydoor frontend test` through real front ends.

Behind a short configuration of nginx it names the lines that are missing, and with them all is right. Behind the
printed configurations everything comes through that can.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from interop.frontends import OWN, SERVER_NAME
from interop.limits import CANNOT
from interop.nginx import Nginx
from interop.pairs import MOUNT, SOFTWARE
from interop.pairs import TOKEN as PAIRS_TOKEN
from support.server import APPS, Server

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


def tried(port, *, site="", token=TOKEN):
    url = f"http://{site}:{port}{MOUNT}" if site else f"http://127.0.0.1:{port}/"
    place = f"{OWN if site else '127.0.0.1'}:{port}"
    command = [sys.executable, "-m", "polydoor", "frontend", "test", url, "--connect", place, "--json"]
    process = subprocess.run(
        [*command, "--token", "env:DIAGNOSTICS"],
        env=os.environ | {"DIAGNOSTICS": token},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    told = json.loads(process.stdout)
    return process.returncode, told, [row for row in told["checks"] if row["outcome"] != "ok"]


def test_the_printed_configuration_lets_everything_through(pair):
    status, told, found = tried(pair.site.port, site=SERVER_NAME, token=PAIRS_TOKEN)
    name = pair.name.partition("+")[0]
    front_end = SOFTWARE.get(name, name)
    assert (told["front_end"], told["protocol"]) == (front_end, pair.protocol)
    wanted = [(check, "cannot") for check in CANNOT[pair.name][0]] if pair.name in CANNOT else []
    assert ([(row["check"], row["outcome"]) for row in found], status) == (wanted, 0)


@pytest.fixture(scope="module")
def running():
    urls = [listener for listener, *_ in WAYS.values()]
    with Server(f"{APPS}/trivial.py:app", urls, options=SERVER_OPTIONS, env={"DIAGNOSTICS": TOKEN}) as server:
        yield dict(zip(WAYS, server.doors, strict=True))


@pytest.mark.frontend("nginx")
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


@pytest.mark.frontend("nginx")
@pytest.mark.parametrize(("kind", "keep"), [("scgi", False), ("fastcgi", False), ("fastcgi", True)])
def test_over_a_unix_socket_a_break_is_seen_where_it_can_be(kind, keep, tmp_path):
    listener = f"{kind}+unix:{tmp_path}/s?profile=nginx"
    more = f"{kind}_buffer_size 32k; {kind}_buffers 8 32k;" + ("" if keep else f"{kind}_buffering off;")
    with (
        Server(f"{APPS}/trivial.py:app", [listener], options=SERVER_OPTIONS, env={"DIAGNOSTICS": TOKEN}) as server,
        Nginx(tmp_path / "nginx", kind, server.doors[0].address, keep=keep, more=more + "\n") as nginx,
    ):
        status, _, found = tried(nginx.port)
    outcome = {"scgi": ["cannot"], "fastcgi": [] if keep else ["failed"]}[kind]
    assert [(row["check"], row["outcome"]) for row in found] == [("truncation without one", one) for one in outcome]
    assert status == ("failed" in outcome)

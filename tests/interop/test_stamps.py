"""The time at which a front end took a request, as printed configurations tell it."""

from __future__ import annotations

import time

import pytest

from interop.frontends import FRONT_ENDS, SERVER_NAME, printed, url_of
from interop.pairs import NEEDS, SPOKEN, query
from peers.door import HttpDoor
from support.server import APPS, Server

NAMES = ("nginx", "apache", "lighttpd", "haproxy", "caddy")


def options(name, protocol, more):
    """Those of the listener, with what is believed."""
    fields = ("for,proto,host" if protocol == "http" else "for,proto") + more
    return f"{query(name, protocol).partition('&forwarded=')[0]}&forwarded={fields}"


def microseconds(stamp):
    """Since 1970; seconds with a fraction, milliseconds or microseconds."""
    whole, _, part = stamp.removeprefix("t=").partition(".")
    return int((whole + part).ljust(16, "0"))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.frontend(*NEEDS.get(name, (name,)))) for name in NAMES]
)
def test_a_client_s_own_time_never_counts(name, tmp_path):
    kinds = [(protocol, more) for protocol in SPOKEN[name] if protocol != "ajp" for more in ("", ",start")]
    urls = [f"{protocol}://127.0.0.1:0?{options(name, protocol, more)}" for protocol, more in kinds]
    with Server(f"{APPS}/behind.py", urls) as server:
        sites = [
            printed(name, f"site{at}", url_of(kind[0], door.address, options(name, *kind)))
            for at, (kind, door) in enumerate(zip(kinds, server.doors, strict=True))
        ]
        with FRONT_ENDS[name](tmp_path, sites):
            for (protocol, more), site in zip(kinds, sites, strict=True):
                door = HttpDoor(site.address, (SERVER_NAME, site.port))
                seen = door.request("GET", "/echo", [("X-Request-Start", "t=1")]).json()["environ"]
                stamp = seen.get("HTTP_X_REQUEST_START", "")
                if more and name != "lighttpd":
                    assert abs(microseconds(stamp) / 1e6 - time.time()) < 60, (protocol, stamp)
                elif more or protocol == "http":
                    assert not stamp, (protocol, stamp)

"""Printed configurations that the other tests do not start: for port 80, and several of one kind beside each other."""

from __future__ import annotations

import pytest

from interop.frontends import FRONT_ENDS, printed
from interop.pairs import NEEDS, SPOKEN, WITHOUT_UNIX
from interop.programs import PROGRAMS as STARTED

# Not nginx: its check opens the ports, and port 80 is not for everybody.
CHECKED = [name for name in SPOKEN if "nginx" not in name]


def needs(name):
    """What must be there."""
    return pytest.mark.frontend(*NEEDS.get(name, (name,)))


def of_listener(protocol):
    """As what is started has no listener, any will do."""
    return "http" if protocol == "cgi" else protocol


@pytest.mark.parametrize("name", [pytest.param(name, marks=needs(name)) for name in CHECKED])
def test_without_further_options_a_configuration_is_right(name, tmp_path):
    options = ["--static", f"/static/={tmp_path}", "--static", f"/media/={tmp_path}"]
    for protocol in SPOKEN[name]:
        over_unix = "://127.0.0.1:9001?mount=/shop" if name in WITHOUT_UNIX else "+unix:/run/shop.sock?mount=/shop"
        for number, address in enumerate(("://127.0.0.1:9000", over_unix)):
            site = printed(name, f"shop{number}", f"{of_listener(protocol)}{address}", *options, listen=None)
            (FRONT_ENDS | STARTED)[name].only_checked(tmp_path / f"{protocol}{number}", [site])


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        pytest.param(name, protocol, marks=needs(name))
        for name in CHECKED
        for protocol in SPOKEN[name]
        if protocol not in ("scgi", "uwsgi")
    ],
)
def test_two_of_one_kind_go_together(name, protocol, tmp_path):
    sites = [
        printed(name, f"shop{number}", f"{of_listener(protocol)}://127.0.0.1:{9000 + number}") for number in (1, 2)
    ]
    (FRONT_ENDS | STARTED)[name].only_checked(tmp_path, sites)

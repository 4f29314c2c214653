"""Printed configurations that the other tests do not start: for port 80, and several of one kind beside each other."""

from __future__ import annotations

import pytest

from interop.frontends import FRONT_ENDS, printed
from interop.pairs import ONLY_TCP, SPOKEN

# Not nginx: its check opens the ports, and port 80 is not for everybody.
CHECKED = [name for name in SPOKEN if "nginx" not in name]


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.frontend(name)) for name in CHECKED])
def test_without_further_options_a_configuration_is_right(name, tmp_path):
    options = ["--static", f"/static/={tmp_path}", "--static", f"/media/={tmp_path}"]
    for protocol in SPOKEN[name]:
        over_unix = "://127.0.0.1:9001?mount=/shop" if name in ONLY_TCP else "+unix:/run/shop.sock?mount=/shop"
        for number, address in enumerate(("://127.0.0.1:9000", over_unix)):
            site = printed(name, f"shop{number}", f"{protocol}{address}", *options, listen=None)
            FRONT_ENDS[name].only_checked(tmp_path / f"{protocol}{number}", [site])


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        pytest.param(name, protocol, marks=pytest.mark.frontend(name))
        for name in CHECKED
        for protocol in SPOKEN[name]
        if protocol not in ("scgi", "uwsgi")
    ],
)
def test_two_of_one_kind_go_together(name, protocol, tmp_path):
    sites = [printed(name, f"shop{number}", f"{protocol}://127.0.0.1:{9000 + number}") for number in (1, 2)]
    FRONT_ENDS[name].only_checked(tmp_path, sites)

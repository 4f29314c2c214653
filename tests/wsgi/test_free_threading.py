"""On a free-threaded build the server leaves the GIL off (PEP 703: an extension that is not ready switches it on)."""

from __future__ import annotations

import sysconfig

import pytest

pytestmark = pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"),
    reason="this Python always has the GIL; `make pythons` has one without",
)


def test_the_gil_stays_off_in_the_serving_process(http_door):
    assert http_door.request("GET", "/gil").json() is False

"""The C unit tests (test_*.c) hold under the address and undefined-behaviour sanitizers."""

from __future__ import annotations

import subprocess

import pytest

from support import cbuild

UNITS = sorted((cbuild.ROOT / "tests" / "core").glob("test_*.c"))


@pytest.mark.parametrize("name", [path.stem for path in UNITS])
def test_unit(name: str) -> None:
    program = cbuild.build(name, cbuild.unit_sources(name))
    ran = subprocess.run([program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}"

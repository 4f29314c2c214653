"""The engine with six threads, real sockets and real clients under ThreadSanitizer."""

from __future__ import annotations

import re
import subprocess

import pytest

from support import cbuild
from support.scale import scaled

pytestmark = pytest.mark.scaled


@pytest.mark.parametrize("how", [["http"], ["fastcgi"], ["fastcgi", "crowded"]], ids=["http", "fastcgi", "crowded"])
@pytest.mark.parametrize(("flags", "name"), [(cbuild.TRACED, "tsan"), (cbuild.SANITIZED, "asan")])
def test_six_threads_share_one_engine_without_a_race(flags: tuple[str, ...], name: str, how: list[str]) -> None:
    folder = cbuild.ROOT / "tests" / "core"
    sources = [folder / "threads_engine.c", folder / "text.c", *cbuild.core_sources(*cbuild.LAYERS)]
    program = cbuild.build(f"threads_engine_{name}", sources, flags)
    ran = subprocess.run([program, how[0], str(scaled(40, 400)), *how[1:]], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr[-6000:]}"
    counts = re.fullmatch(r"(\d+) requests sent, (\d+) bytes answered\n(\d+) calls\n", ran.stdout)
    assert counts
    assert int(counts[1]) >= int(counts[3]) > 0
    assert int(counts[2]) > 0


def test_connections_pass_between_two_engines_without_a_race() -> None:
    program = cbuild.build("test_handover_tsan", cbuild.unit_sources("test_handover"), cbuild.TRACED)
    ran = subprocess.run([program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr[-6000:]}"

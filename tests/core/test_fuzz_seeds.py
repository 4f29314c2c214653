"""Every fuzz target holds on all its seeds, also where there is no clang."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support import cbuild

if TYPE_CHECKING:
    from pathlib import Path

TARGETS = cbuild.fuzz_targets()


@pytest.fixture(scope="module")
def seed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds")
    subprocess.run([sys.executable, cbuild.ROOT / "fuzz" / "seeds.py", folder], check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("target", TARGETS)
def test_target_holds_on_its_seeds(target: str, seed_folder: Path) -> None:
    sources = [cbuild.ROOT / "fuzz" / "standalone.c", *cbuild.fuzz_sources(target)]
    program = cbuild.build(f"fuzz_{target}", sources)
    ran = subprocess.run([program, seed_folder / target], capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr.decode(errors="replace")
    assert re.fullmatch(rb"[1-9]\d* inputs\n", ran.stdout)

"""Corpus and seeds reach at least 95 % of the branches of each codec and of the policy layer."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("gcov") is None, reason="gcov is not installed")
def test_branches_are_covered() -> None:
    script = Path(__file__).with_name("coverage.py")
    ran = subprocess.run([sys.executable, script, "--missing"], capture_output=True, text=True, check=False)
    print(ran.stdout)
    assert ran.returncode == 0, f"{ran.stdout}{ran.stderr}"

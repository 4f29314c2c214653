"""A folder with the wheel of the current tree, from which the pages' `pip install polydoor` takes it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import mesonpy, sys; print(mesonpy.build_wheel(sys.argv[1], {'build-dir': sys.argv[2]}))"


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory):
    """Where the wheel lies; what `make test` compiled is used again."""
    folder = tmp_path_factory.mktemp("wheelhouse")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}{getattr(sys, 'abiflags', '')}"
    command = [sys.executable, "-c", BUILD, str(folder), f"build/{tag}"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder

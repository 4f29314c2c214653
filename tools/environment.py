"""The virtual environment of this checkout: made, filled and rebuilt as needed, never touching the system.

Works where Python came without ensurepip: the environment is made without pip, and the pip of the Python that runs
this script installs into it.
"""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from typing import NoReturn

import needs

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / (os.environ.get("VENV") or ".venv")
PYTHON = VENV / "bin" / "python"
STATE = VENV / "polydoor-state.json"
PROJECT = ROOT / "pyproject.toml"

# What the build reads: a change in one of these, and the package is built again.
SOURCES = ("core", "src", "meson.build", "meson.options", "pyproject.toml", "README.md", "LICENSE")

ABSENT = """
import importlib.metadata, json, re, sys
def there(line):
    try:
        return importlib.metadata.version(re.match(r"[\\w.-]+", line)[0])
    except importlib.metadata.PackageNotFoundError:
        return None
print(json.dumps([line for line in sys.argv[1:] if not there(line)]))
"""


def prepare(*groups: str) -> None:
    """Make the environment with these dependency groups, and the current package in it."""
    needs.require()
    _ensure()
    for group in ("build", *groups):
        _install_group(group)
    _install_package()


def prepare_groups(*groups: str) -> None:
    """Make the environment with these dependency groups, without the package."""
    needs.require()
    _ensure()
    for group in groups:
        _install_group(group)


def run(*command: str | Path, **variables: str) -> int:
    """Run a program of the environment in the checkout and return its exit status."""
    return subprocess.run(
        [str(part) for part in command], cwd=ROOT, env=environment() | variables, check=False
    ).returncode


def environment() -> dict[str, str]:
    """The process environment in which the environment's programs are found first."""
    path = f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    kept = {key: value for key, value in os.environ.items() if key not in {"PYTHONHOME", "PYTHONPATH", "VENV"}}
    return kept | {"PATH": path, "VIRTUAL_ENV": str(VENV)}


def _ensure() -> None:
    """Make the environment, or make it again when its Python is not the one that runs now."""
    wanted = f"{sys.version}\n{os.path.realpath(sys.executable)}"
    if PYTHON.exists() and _state().get("python") == wanted:
        return
    if VENV.exists():
        print(f"make: {VENV.name} belongs to another Python; making it again")
        shutil.rmtree(VENV)
    venv.create(VENV, with_pip=False, symlinks=True)
    _remember(python=wanted)


def _install_group(name: str) -> None:
    wanted = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["dependency-groups"][name]
    mark = " ".join(wanted)
    if _state().get(f"group-{name}") == mark:
        return
    if _absent(wanted):
        print(f"make: installing {', '.join(wanted)}", flush=True)
    # Where all is there in the right version, pip does not ask the network.
    if _pip("install", *wanted):
        _without_network(_absent(wanted) or wanted)
    _remember(**{f"group-{name}": mark})


def _install_package() -> None:
    """Build and install the package when its sources changed; the build itself is incremental."""
    mark = _fingerprint()
    if _state().get("package") == mark:
        return
    print("make: building polydoor", flush=True)
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}{getattr(sys, 'abiflags', '')}"
    options = ("--no-build-isolation", "--no-deps", "--force-reinstall", f"--config-settings=build-dir=build/{tag}")
    if _pip("install", *options, str(ROOT)):
        print("make: the build failed; what the compiler said stands above", file=sys.stderr)
        sys.exit(1)
    _remember(package=mark)


def _pip(verb: str, *arguments: str) -> int:
    extra = shlex.split(os.environ.get("PIP_ARGS", ""))
    quiet = ("--disable-pip-version-check", "--quiet", "--no-input")
    base = (sys.executable, "-m", "pip", "--python", str(PYTHON), *quiet)
    # What pip keeps of its downloads stays in the checkout, unless somebody has chosen another place for it.
    cache = os.environ.get("PIP_CACHE_DIR") or str(ROOT / "build" / "pip")
    return run(*base, verb, *extra, *arguments, PIP_ROOT_USER_ACTION="ignore", PIP_CACHE_DIR=cache)


def _absent(wanted: list[str]) -> list[str]:
    done = subprocess.run([PYTHON, "-c", ABSENT, *wanted], capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def _without_network(absent: list[str]) -> NoReturn:
    names = " ".join(shlex.quote(line) for line in absent)
    print(f"make: pip could not get {', '.join(absent)}", file=sys.stderr)
    print(f"  With network elsewhere: python3 -m pip download -d wheels {names}", file=sys.stderr)
    print('  Then here: make ... PIP_ARGS="--no-index --find-links wheels"', file=sys.stderr)
    sys.exit(1)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for name in SOURCES:
        top = ROOT / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(ROOT)}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _state() -> dict[str, str]:
    try:
        state: dict[str, str] = json.loads(STATE.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state


def _remember(**marks: str) -> None:
    STATE.write_text(json.dumps(_state() | marks, indent=2), encoding="utf-8")

"""The other servers, in pinned versions, in an environment of their own; and the floors, built from C."""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
IS_FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
VENV = HERE / (".venv-rivals" + "-free-threaded" * IS_FREE_THREADED)
SITE = Path(sysconfig.get_path("purelib", "venv", {"base": str(VENV)}))
BIN = VENV / "bin"
DEBIAN = VENV / "debian"  # what is unpacked, not installed
LISTS = HERE / "rivals"
CFLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra")

Say = Callable[[str], None]


class RivalError(Exception):
    """Something that the measurement cannot do without is missing."""


def prepare(say: Say) -> None:
    """Make or complete the environment. What is optional and does not build is left out."""
    mark = _mark()
    state = VENV / "state"
    if state.exists() and state.read_text(encoding="utf-8") == mark:
        return
    say(f"installing the other servers into benchmarks/{VENV.name}")
    shutil.rmtree(VENV, ignore_errors=True)
    venv.create(VENV, with_pip=False, symlinks=True)
    _install(LISTS / "requirements.txt", say)
    for line in pins(LISTS / "optional.txt"):
        name = line.partition("==")[0]
        say(f"building {line}")
        built = _pip(line).returncode == 0
        if not built:
            say(f"{line} does not build here (see benchmarks/rivals/optional.txt)")
        if not built and name == "uwsgi":
            _pip("-r", str(LISTS / "instead.txt"))
    package = mod_php()
    if package and not _unpack(package):
        say(f"{package} cannot be downloaded here, so mod_php is left out")
    state.write_text(mark, encoding="utf-8")


def _install(path: Path, say: Say) -> None:
    """Install a list at once, or else, as there may be no wheel of one of them for this Python, each on its own."""
    done = _pip("-r", str(path))
    if done.returncode == 0:
        return
    lines = pins(path)
    left_out = [line for line in lines if _pip(line).returncode]
    if left_out == lines:
        raise RivalError(f"pip could not install the other servers:\n{done.stdout}")
    for line in left_out:
        say(f"{line} cannot be installed here, so it is left out")


def mod_php() -> str:
    """Debian's package of mod_php for the PHP that is there: installed, it would give Apache another MPM."""
    found = max(Path("/usr/sbin").glob("php-fpm*.*"), default=None)
    return f"libapache2-mod-{found.name.replace('-fpm', '')}" if found and shutil.which("apt-get") else ""


def _unpack(package: str) -> bool:
    """Download a package of Debian and unpack it into the environment; nothing of it is installed."""
    DEBIAN.mkdir()
    done = subprocess.run(["apt-get", "download", package], cwd=DEBIAN, capture_output=True, check=False)
    return done.returncode == 0 and all(
        subprocess.run(["dpkg", "-x", str(path), str(DEBIAN)], capture_output=True, check=False).returncode == 0
        for path in DEBIAN.glob("*.deb")
    )


def pins(path: Path) -> list[str]:
    """The requirements of a list, without its comments."""
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def versions() -> dict[str, str]:
    """Name and version of everything in the environment."""
    code = "import importlib.metadata as m; [print(d.name, d.version) for d in m.distributions()]"
    done = subprocess.run([BIN / "python", "-c", code], capture_output=True, text=True, check=True)
    return {name.lower(): version for name, version in (line.split() for line in done.stdout.splitlines())}


def build_floor(folder: Path, door: str) -> None:
    """Compile an empty server into a folder; it is too small to be kept."""
    sources = [str(HERE / "floor" / name) for name in (f"{door}.c", "listen.c")]
    done = subprocess.run(
        [*compiler(), *CFLAGS, "-o", str(folder / f"floor-{door}"), *sources],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RivalError(f"the empty server for {door} does not build:\n{done.stderr}")


def compiler() -> list[str]:
    """The C compiler: CC, or what there is."""
    return shlex.split(os.environ.get("CC", "")) or ["gcc" if shutil.which("gcc") else "cc"]


def _mark() -> str:
    digest = hashlib.sha256(f"{sys.version}{sys.base_prefix}{mod_php()}".encode())
    for path in sorted(LISTS.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _pip(*wanted: str) -> subprocess.CompletedProcess[str]:
    """Install by the pip of the Python below this environment: the environment itself may have none."""
    base = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    quiet = ("--disable-pip-version-check", "--quiet", "--no-input")
    extra = shlex.split(os.environ.get("PIP_ARGS", ""))
    command = [str(base), "-m", "pip", "--python", str(BIN / "python"), *quiet, "install", *extra, *wanted]
    kept = {key: value for key, value in os.environ.items() if key not in {"PYTHONHOME", "PYTHONPATH"}}
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=kept | {"PIP_ROOT_USER_ACTION": "ignore"},
    )

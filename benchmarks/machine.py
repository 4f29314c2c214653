"""Facts about the machine and the versions of all that takes part."""

import datetime
import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import frontend
import rivals

SHOWN = ("fastpysgi", "bjoern", "granian", "uwsgi", "pyuwsgi", "waitress", "gunicorn", "cheroot", "flup", "django")
PACKAGES = {
    "Apache": "apache2-bin",
    "mod_wsgi": "libapache2-mod-wsgi-py3",
    "lighttpd": "lighttpd",
    "php-fpm": "php8.2-fpm",
}


def facts(versions: dict[str, str]) -> dict[str, str]:
    """Name and value, in the order in which they are shown."""
    found = {
        "date": now(),
        "Polydoor": f"{version('polydoor')}, commit {commit()}",
        "processor": f"{processor(Path('/proc/cpuinfo'))}, {os.cpu_count()} cores",
        "memory": memory(Path("/proc/meminfo")),
        "system": f"{distribution(Path('/etc/os-release'))}, Linux {platform.release()}",
        "hypervisor": _said("systemd-detect-virt", "--vm") or "not known",
        "Python": python(),
        "compiler": _said(*rivals.compiler(), "--version"),
        "wrk": _said("wrk", "--version").partition(" Copyright")[0].removeprefix("wrk "),
        "nginx": frontend.version() or "not there",
        **{name: _said("dpkg-query", "-W", "-f", "${Version}", each) or "not there" for name, each in PACKAGES.items()},
        "load average": " ".join(f"{each:.2f}" for each in os.getloadavg()),
    }
    return found | {name: versions[name] for name in SHOWN if name in versions}


def python() -> str:
    """The interpreter, and whether it is one without the GIL."""
    name = f"{platform.python_implementation()} {platform.python_version()}"
    return ", ".join((name, *["free-threaded"] * rivals.IS_FREE_THREADED, platform.python_compiler()))


def now() -> str:
    """The time to the minute."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def commit() -> str:
    """The commit of the checkout, and whether the sources differ from it."""
    found = _said("git", "rev-parse", "--short=12", "HEAD")
    sources = ("core", "src", "benchmarks", ":!benchmarks/results")  # a result changes nothing that is measured
    changed = _said("git", "status", "--porcelain", "--untracked-files=no", "--", *sources)
    return (found or "not known") + (" with changes" if changed else "")


def processor(path: Path) -> str:
    """The model of the first core."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def memory(path: Path) -> str:
    """The memory in all."""
    kilobytes = int(path.read_text(encoding="ascii").split()[1])
    return f"{kilobytes / 2**20:.1f} GiB"


def distribution(path: Path) -> str:
    """What the system calls itself."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown distribution"
    return next((line.partition("=")[2].strip('"') for line in lines if line.startswith("PRETTY_NAME=")), "Linux")


def _said(*command: str) -> str:
    """The first line that a program prints, or nothing where it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=rivals.HERE.parent)
    except OSError:
        return ""
    return next(iter((done.stdout or "").strip().splitlines()), "")

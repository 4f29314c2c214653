"""`make pythons`: the PEP 3333 suite, unit tests and more on newer Pythons, written to docs/pythons.md.

A chroot of Debian's testing release has the ordinary builds. The one without the GIL is in no registry, so it is built
there once from Debian's source package. Both stay below build/ until `make clean`. Needs root and mmdebstrap.
"""

import os
import platform
import re
import sys
from datetime import UTC, datetime
from typing import NamedTuple

import debian_tree
import environment
from debian_tree import VISITOR, Debian

SUITE = "forky"
VERSIONS = ("3.13", "3.14", "3.15")
FREE_VERSION = "3.13"
FREE_PREFIX = "/opt/free-threaded"
FREE_PYTHON = f"{FREE_PREFIX}/bin/python{FREE_VERSION}t"
FREE_NEEDS = ("dpkg-dev", "libssl-dev", "zlib1g-dev", "libffi-dev", "libbz2-dev", "liblzma-dev", "libsqlite3-dev")
FOLDER = environment.ROOT / "build" / "pythons"
LOG = environment.ROOT / "build" / "pythons.log"
RESULT = environment.ROOT / "docs" / "pythons.md"
CLONE = f"/home/{VISITOR}/polydoor"
MADE = FOLDER / "etc" / "made-for-polydoor"
# The PEP 3333 suite, the unit tests, and what rests on the interpreter's own ways with signals, forks and threads.
TESTS = (
    "tests/wsgi tests/unit tests/system/test_signals.py tests/system/test_stop.py tests/system/test_stderr.py "
    "tests/system/test_request_timeout.py"
)
TALLY = re.compile(r"^=+ (.*\b(?:passed|failed|error).*) in [\d.]+s.*=+$", re.MULTILINE)


class Row(NamedTuple):
    """What one Python showed."""

    python: str
    tests: str
    result: str
    passed: bool


def main() -> int:
    """Run the tests on each Python, whatever fails, and write the page."""
    debian_tree.enter_private_mounts(__file__)
    FOLDER.parent.mkdir(exist_ok=True)
    mark = f"{SUITE} {' '.join(VERSIONS)}"
    if not MADE.exists() or MADE.read_text(encoding="ascii") != mark:
        print(f"make: making Debian {SUITE} in {FOLDER}", flush=True)
        pythons = [f"python{version}{part}" for version in VERSIONS for part in ("", "-dev", "-venv")]
        debian_tree.make(FOLDER, SUITE, "make", "gcc", "libc6-dev", "ca-certificates", "python3-pip", *pythons)
        MADE.write_text(mark, encoding="ascii")
    debian = Debian(FOLDER, LOG)
    commit = debian.clone(CLONE, VISITOR)
    _build_free_threaded(debian)
    rows = [_run(debian, f"/usr/bin/python{version}", TESTS) for version in VERSIONS]
    # Few packages have wheels for this build: an older one that has is better than a newer one to be compiled.
    free = {"THREADS": "5", "PIP_PREFER_BINARY": "1"}
    rows.append(_run(debian, FREE_PYTHON, TESTS, **free))
    _write(commit, rows)
    if not all(row.passed for row in rows):
        print(f"make: some tests failed; everything that was printed is in {LOG}", file=sys.stderr)
        return 1
    return 0


def _build_free_threaded(debian: Debian) -> None:
    if (FOLDER / FREE_PYTHON[1:]).exists():
        return
    print(f"make: building Python {FREE_VERSION} without the GIL from Debian's source package", flush=True)
    sources = FOLDER / "etc/apt/sources.list.d/source.list"
    sources.write_text(f"deb-src {debian_tree.MIRROR} {SUITE} main\n", encoding="ascii")
    debian.must("apt-get", "-q", "update")
    debian.must("apt-get", "-q", "install", "-y", "--no-install-recommends", *FREE_NEEDS)
    debian.must("mkdir", "-p", "/usr/src/python")
    debian.must("apt-get", "-q", "source", "--download-only", f"python{FREE_VERSION}", cwd="/usr/src/python")
    # Without Debian's patches: they make site.py look for packages where this build does not put them.
    described = next((FOLDER / "usr/src/python").glob("*.dsc")).name
    debian.must("dpkg-source", "--skip-patches", "--extract", described, "tree", cwd="/usr/src/python")
    tree = "/usr/src/python/tree"
    options = (f"--prefix={FREE_PREFIX}", "--disable-gil", "--disable-test-modules", "--quiet")
    debian.must("./configure", *options, cwd=tree)
    debian.must("make", "--silent", f"-j{os.cpu_count() or 1}", cwd=tree)
    debian.must("make", "--silent", "install", cwd=tree)
    debian.must("rm", "-r", "/usr/src/python")


def _run(debian: Debian, python: str, tests: str, **variables: str) -> Row:
    """Build the package with this Python and run the tests against it, as an ordinary user."""
    code = "import sys; print(sys.version.split()[0], getattr(sys, '_is_gil_enabled', lambda: True)())"
    version, _, has_gil = debian.must(python, "-c", code).output.strip().partition(" ")
    name = f"{version}{'' if has_gil == 'True' else ', free-threaded'}"
    print(f"make: {tests} on Python {name} …", flush=True)
    settings = {"PYTHON": python, "VENV": f"{CLONE}/.venv-{python.rpartition('python')[2]}", "ARGS": tests}
    done = debian.run("make", "test", user=VISITOR, cwd=CLONE, **settings, **variables)
    tally = TALLY.findall(done.output)
    result = tally[-1] if tally else " ".join(done.output.split()[-40:])
    shown = f"THREADS={variables['THREADS']} {tests}" if "THREADS" in variables else tests
    print(f"  {result}", flush=True)
    return Row(name, shown, result, done.status == 0)


def _write(commit: str, rows: list[Row]) -> None:
    lines = [
        "# On newer Pythons",
        "",
        f"Written by `make pythons`, in a chroot of Debian {SUITE}. On Python 3.11, Debian 12's own, `make test` runs",
        f"all tests. The free-threaded build is made from Debian's source package of Python {FREE_VERSION}; a test",
        "asserts there that the GIL is off in the serving process (tests/wsgi/test_free_threading.py).",
        "",
        f"- commit {commit}, {datetime.now(UTC):%Y-%m-%d}, Linux {platform.release()}",
        "",
        "| Python | tests | result |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {row.python} | `{row.tests}` | {'' if row.passed else 'FAILED: '}{row.result} |" for row in rows]
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

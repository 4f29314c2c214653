"""`make fresh-debian`: follows the README on a Debian 12 made for it, and writes what happened to docs/fresh-debian.md.

Everything happens in a chroot below build/ and in fresh clones of the last commit. Needs root and mmdebstrap.
"""

import os
import platform
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import debian_tree
import environment
import ports
import test_deps as needed
from debian_tree import VISITOR, Debian

SUITE = "bookworm"
FOLDER = environment.ROOT / "build" / "fresh-debian"
LOG = environment.ROOT / "build" / "fresh-debian.log"
RESULT = environment.ROOT / "docs" / "fresh-debian.md"
README_LINE = "apt install make gcc libc6-dev python3-dev python3-pip"
CLONE = f"/home/{VISITOR}/polydoor"
ROOT_CLONE = "/root/polydoor"
GUESTBOOK = f"{CLONE}/examples/guestbook"
WHEELS = f"/home/{VISITOR}/wheels"
PATIENCE = 600.0
SERVING = re.compile(r"serving |Ctrl-C")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+\S*")
ALLOWED = 600.0  # seconds for the whole suite on two cores, once all is installed
TALLY = re.compile(r"^=+ (.*\b(?:passed|failed|error).*) in [\d.]+s.*=+$", re.MULTILINE)
MISSING = re.compile(r"^(\d+ missing .*|none missing.*)$", re.MULTILINE)

# A package that is taken away, and what must then be said to be missing.
ALONE = {
    "gcc": "a C compiler",
    "libc6-dev": "the C library's headers",
    "python3-dev": "Python.h of Python 3.11",
    "python3-pip": "pip 22.3 or newer",
}


class PromiseError(Exception):
    """What was promised did not happen."""


class Served(NamedTuple):
    """After how long a server was there, and how many of its pages were fetched."""

    seconds: float
    pages: int


def main() -> int:
    """Go through all steps, whatever fails, and write the page."""
    debian_tree.enter_private_mounts(__file__)
    began = time.monotonic()
    FOLDER.parent.mkdir(exist_ok=True)
    debian_tree.make(FOLDER, SUITE, "make")
    debian = Debian(FOLDER, LOG)
    commit = debian.clone(CLONE, VISITOR)
    debian.clone(ROOT_CLONE, "root")
    rows = []
    for title, step in STEPS:
        print(f"make: {title} …", flush=True)
        started = time.monotonic()
        try:
            result = step(debian)
        except (PromiseError, RuntimeError, OSError) as error:
            result = f"FAILED: {error}"
        print(f"  {result}", flush=True)
        rows.append((title, time.monotonic() - started, result))
    _write(debian, commit, rows, time.monotonic() - began)
    failed = [title for title, _, result in rows if result.startswith("FAILED")]
    if failed:
        print(f"make: failed: {'; '.join(failed)}\n  Everything that was printed is in {LOG}", file=sys.stderr)
    return 1 if failed else 0


def without_python(debian: Debian) -> str:
    """The first thing that somebody without anything reads."""
    done = debian.run("make", "serve", user=VISITOR, cwd=CLONE)
    _expect(done.status != 0, "it went on")
    _expect("there is no Python 3.11 to 3.15 on PATH" in done.output, done.output)
    _expect("apt install python3 python3-dev python3-pip" in done.output, done.output)
    debian.must("apt-get", "-q", "update")
    debian.install(*README_LINE.split()[2:])
    return "says so, with the line that installs it"


def without_one(debian: Debian) -> str:
    """Take away one need after the other; the lines that are printed must bring it back."""
    for package, what in ALONE.items():
        debian.must("apt-get", "-q", "remove", "-y", "--autoremove", package)
        done = debian.run("make", "serve", user=VISITOR, cwd=CLONE)
        _expect(done.status != 0, f"it went on without {package}")
        lines = [line.strip() for line in done.output.splitlines() if line.startswith("  ")]
        _expect(any(line.startswith(what) for line in lines), f"without {package}:\n{done.output}")
        for line in lines:
            mend = line.partition("apt install ")[2]
            _expect(bool(mend), f"without {package} nothing is offered:\n{done.output}")
            debian.install(*mend.split())
        debian.must("python3", "-c", "import needs; needs.require()", user=VISITOR, cwd=f"{CLONE}/tools")
    return f"{', '.join(ALONE)}: each is named, and the line that is printed brings it back"


def serve(debian: Debian) -> str:
    """`make serve`, and a visit to the guestbook."""
    marker = _marker(debian)
    words = ["make", "serve"] if ports.is_free("127.0.0.1", 8000) else ["make", "serve", f"PORT={_free_port()}"]
    served = _serve(debian, debian.words(*words, user=VISITOR, cwd=CLONE))
    _nothing_outside(debian, marker)
    said = f"serves after {served.seconds:.0f} s; {served.pages} pages of it fetched; changes nothing outside"
    return f"`{' '.join(words)}` {said}"


def wheel_without_compiler(debian: Debian) -> str:
    """Install the wheel by pip, without any index, where there is nothing to compile with, and serve with it."""
    build = f"import mesonpy; print(mesonpy.build_wheel('{WHEELS}', {{'build-dir': 'build/cp311'}}))"
    path = f"{CLONE}/.venv/bin:/usr/bin:/bin"
    debian.must("mkdir", "-p", WHEELS, user=VISITOR)
    name = debian.must("python", "-c", build, user=VISITOR, cwd=CLONE, PATH=path).output.split()[-1]
    debian.must("apt-get", "-q", "remove", "-y", "--autoremove", "gcc", "libc6-dev")
    try:
        _expect(bool(debian.run("which", "cc", "gcc").status), "there is still a compiler")
        debian.must("python3", "-m", "venv", "--without-pip", f"{WHEELS}/env", user=VISITOR)
        pip = ("python3", "-m", "pip", "--python", f"{WHEELS}/env/bin/python", "install", "--quiet", "--no-index")
        debian.must(*pip, f"{WHEELS}/{name}", user=VISITOR)
        words = (f"{WHEELS}/env/bin/polydoor", "guestbook", "-b", "http://127.0.0.1:0")
        pages = _serve(debian, debian.words(*words, user=VISITOR, cwd=GUESTBOOK)).pages
    finally:
        debian.install(*README_LINE.split()[2:])
    debian.must("rm", "-r", WHEELS)
    return f"{name} is installed without an index, and serves {pages} pages"


def tests_without_front_ends(debian: Debian) -> str:
    """`make test` with what the README names and nothing else."""
    marker = _marker(debian)
    result = _suite(debian, VISITOR, CLONE)
    _expect("they are installed by: sudo make test-deps" in result, "no word of make test-deps")
    _nothing_outside(debian, marker)
    return f"{result.splitlines()[0]}; changes nothing outside"


def test_deps(debian: Debian) -> str:
    """`make test-deps`: what Debian itself would install without recommends, and nothing of it runs."""
    before = _installed(debian)
    debian.must("apt-get", "-q", "update")
    plan = debian.must("apt-get", "-s", "install", "--no-install-recommends", *needed.PACKAGES).output
    planned = set(re.findall(r"^Inst (\S+)", plan, re.MULTILINE))
    debian.must("make", "test-deps", cwd=ROOT_CLONE)
    new = _installed(debian) - before
    _expect(new <= planned, f"also installed: {', '.join(sorted(new - planned))}")
    _expect(not debian.processes(), f"started: {', '.join(debian.processes())}")
    _expect(not (FOLDER / "usr/sbin/policy-rc.d").exists(), "policy-rc.d was left behind")
    return f"{len(new)} Debian packages, no recommended one among them, no service started"


def tests_as_root(debian: Debian) -> str:
    """`CI=true make test` in root's clone, which has not built or tested before."""
    told = _suite(debian, "root", ROOT_CLONE, CI="true").splitlines()[0]
    seconds = float(re.findall(r" in (\d+) s", told)[0])
    _expect(seconds <= ALLOWED, f"{told}: longer than {ALLOWED:.0f} s")
    return told


def tests_as_visitor(debian: Debian) -> str:
    """The same as an ordinary user, in the clone that has served and tested before."""
    return _suite(debian, VISITOR, CLONE, CI="true").splitlines()[0]


STEPS: tuple[tuple[str, Callable[[Debian], str]], ...] = (
    ("`make serve` with make alone: Python is missing", without_python),
    (f"`{README_LINE}`, then without one of them at a time", without_one),
    ("`make serve` as an ordinary user", serve),
    ("the wheel, installed where there is no compiler", wheel_without_compiler),
    ("`make test` as an ordinary user, without front ends", tests_without_front_ends),
    ("`make test-deps` as root", test_deps),
    ("`CI=true make test` as root, with front ends", tests_as_root),
    ("`CI=true make test` as an ordinary user, with front ends", tests_as_visitor),
)


def _expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise PromiseError(otherwise)


def _suite(debian: Debian, user: str, clone: str, **variables: str) -> str:
    """Run `make test`; return its last line with the tests' own time, and what it says of front ends."""
    done = debian.run("make", "test", user=user, cwd=clone, **variables)
    tally = TALLY.findall(done.output)
    missing = MISSING.findall(done.output)
    _expect(done.status == 0 and bool(tally) and bool(missing), f"status {done.status}\n{done.output[-3000:]}")
    took = re.findall(r" in ([\d.]+)s", done.output)[-1]
    return f"{tally[-1]} in {float(took):.0f} s; front ends: {missing[-1]}\n{done.output}"


def _serve(debian: Debian, command: list[str]) -> Served:
    """Start a server, visit its guestbook as soon as it says where that is, and end it."""
    began = time.monotonic()
    log = FOLDER / "tmp" / "serve.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            url = _printed_address(server, log)
            seconds = time.monotonic() - began
            pages = _visit(url)
            _expect(bool(debian.processes()), "the server is not seen among the processes inside")
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait(60)
            debian.note(f"$ {' '.join(command)}\n{log.read_text(encoding='utf-8')}\n")
            log.unlink()
    _expect(not debian.processes(), f"still running: {debian.processes()}")
    return Served(seconds, pages)


def _marker(debian: Debian) -> str:
    debian.must("touch", "/marker")
    # A file system counts in ticks of a few milliseconds: what follows has to be later than the marker.
    time.sleep(0.1)
    return "/marker"


def _nothing_outside(debian: Debian, marker: str) -> None:
    home = f"/home/{VISITOR}"
    spared = [CLONE, f"{home}/.cache/pip"]
    prune = [word for place in spared for word in ("-path", place, "-prune", "-o")]
    done = debian.must("find", "/", "-xdev", *prune, "-cnewer", marker, "-print")
    unavoidable = {"/", "/tmp", "/marker", home, f"{home}/.cache"}  # folders in which something came or went
    left = [path for path in done.output.splitlines() if path not in unavoidable]
    left += [f"/dev/shm/{path.name}" for path in (FOLDER / "dev/shm").iterdir()]
    _expect(not left, f"changed outside: {', '.join(left[:20])}")


def _installed(debian: Debian) -> set[str]:
    return set(debian.must("dpkg-query", "-W", "-f", "${Package}\n").output.split())


def _free_port() -> int:
    return next(port for port in range(8001, 8100) if ports.is_free("127.0.0.1", port))


def _printed_address(server: subprocess.Popen[bytes], output: Path) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        text = output.read_text(encoding="utf-8", errors="replace")
        address = ADDRESS.search(text)
        if address and SERVING.search(text):
            return address[0].rstrip("/")
        _expect(server.poll() is None, f"it ended with status {server.returncode}\n{text[-3000:]}")
        time.sleep(0.1)
    raise PromiseError("no address was printed")


def _visit(url: str) -> int:
    """Fetch the page that was printed and all it leads to, and sign the book; return how many pages."""
    first = _fetch(f"{url}/")
    links = sorted(set(re.findall(r'<a\s*href="(/[^"]*)"', first)))
    _expect(len(links) >= 3, f"the first page leads only to {links}")
    for link in links:
        _expect("<title>" in _fetch(url + link), f"{link} is no page")
    _expect("fresh as Debian" in _fetch(f"{url}/", b"name=A+visitor&text=fresh+as+Debian"), "the entry is not shown")
    return len(links) + 1


def _fetch(url: str, form: bytes | None = None) -> str:
    with urllib.request.urlopen(url, form, timeout=60) as response:
        body: bytes = response.read()
    return body.decode("utf-8")


def _write(debian: Debian, commit: str, rows: list[tuple[str, float, str]], seconds: float) -> None:
    release = (FOLDER / "etc/debian_version").read_text(encoding="ascii").strip()
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version}, ", "python3.11", "python3-pip", "gcc-12", "make"]
    lines = [
        "# On a fresh Debian 12",
        "",
        "Written by `make fresh-debian`, which makes a Debian 12 with nothing but make and follows the README in it.",
        "",
        f"- commit {commit}, {datetime.now(UTC):%Y-%m-%d}, {seconds / 60:.0f} minutes",
        f"- Debian {release}: {debian.run(*query).output.rstrip(', ')}",
        f"- Linux {platform.release()}, {os.cpu_count()} cores, load {os.getloadavg()[2]:.1f}",
        "",
        "| step | seconds | result |",
        "| --- | ---: | --- |",
    ]
    for title, took, result in rows:
        told = " ".join(result.replace("|", "\\|").split())[:300]
        lines.append(f"| {title} | {took:.0f} | {told} |")
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

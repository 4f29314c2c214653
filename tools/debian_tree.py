"""A Debian system in a folder: made by mmdebstrap, entered by pivot_root with mounts of its own.

The mounts stand in a mount namespace of the running script (`unshare --mount`), so they are gone when it ends, however
it ends, and nobody else sees them.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import environment

VISITOR = "visitor"  # the ordinary user inside
MIRROR = os.environ.get("MIRROR") or "http://deb.debian.org/debian"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
BUNDLE_INSIDE = "/etc/ssl/certs/of-the-host.crt"
NEEDED = {"mmdebstrap": "mmdebstrap", "git": "git", "unshare": "util-linux", "pivot_root": "util-linux"}
HANDED_IN = ("http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT")

# Not chroot alone: who is below the root of the mounts may make no user name space.
ENTER = 'cd "$0" && pivot_root . mnt && umount -l /mnt && exec "$@"'


class Done(NamedTuple):
    """How a command inside ended."""

    status: int
    output: str
    seconds: float


def enter_private_mounts(script: str) -> None:
    """Run this script again where its mounts are its own; does nothing where they already are."""
    if os.geteuid() != 0:
        sys.exit("make: making a Debian system in a folder needs root: run it with sudo")
    for program, package in NEEDED.items():
        if not shutil.which(program):
            sys.exit(f"make: {program} is not there\n  apt install {package}")
    if os.environ.pop("POLYDOOR_PRIVATE_MOUNTS", None):
        return
    command = ["unshare", "--mount", "--propagation", "private", "--", sys.executable, script, *sys.argv[1:]]
    sys.stdout.flush()
    os.execvpe(command[0], command, os.environ | {"POLYDOOR_PRIVATE_MOUNTS": "1"})


def make(folder: Path, suite: str, *packages: str) -> None:
    """Make the system with these packages; an index past its date is taken, as those of testing often are."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    options = ["--variant=minbase", "--quiet", '--aptopt=Acquire::Check-Valid-Until "false"']
    command = ["mmdebstrap", *options, f"--include={','.join(packages)}", suite, str(folder), MIRROR]
    subprocess.run(command, check=True)


class Debian:
    """A system made by `make()`, with /proc and /dev, ready to run commands in."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        self._log = log
        log.write_text("", encoding="utf-8")
        self._mount(folder, ".", "--bind")
        self._mount("proc", "proc", "-t", "proc")
        self._mount("/dev", "dev", "--rbind")
        self._mount("tmpfs", "dev/shm", "-t", "tmpfs", "-o", "mode=1777,nosuid,nodev")
        # What an installed system has and a bootstrapped one has not.
        (folder / "etc" / "hosts").write_text("127.0.0.1 localhost\n::1 localhost ip6-localhost\n", encoding="ascii")
        if Path("/etc/resolv.conf").exists():
            shutil.copyfile("/etc/resolv.conf", folder / "etc" / "resolv.conf")
        self._has_bundle = Path(BUNDLE).exists()
        if self._has_bundle:
            (folder / BUNDLE_INSIDE[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(BUNDLE, folder / BUNDLE_INSIDE[1:])
        if self.run("id", VISITOR).status:
            self.must("useradd", "--create-home", "--shell", "/bin/sh", VISITOR)

    def run(self, *command: str, user: str = "root", cwd: str = "/", **variables: str) -> Done:
        """Run a command inside as a user and keep what it prints."""
        began = time.monotonic()
        words = self.words(*command, user=user, cwd=cwd, **variables)
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        output = done.stdout.decode("utf-8", "replace")
        self.note(f"$ {' '.join(command)}   # {user}, {cwd}, {variables}\n{output}\n")
        return Done(done.returncode, output, time.monotonic() - began)

    def must(self, *command: str, user: str = "root", cwd: str = "/", **variables: str) -> Done:
        """Run a command inside that has to succeed."""
        done = self.run(*command, user=user, cwd=cwd, **variables)
        if done.status:
            raise RuntimeError(f"{' '.join(command)}: status {done.status}\n{done.output[-3000:]}")
        return done

    def words(self, *command: str, user: str, cwd: str, **variables: str) -> list[str]:
        """The whole command line that runs a command inside, in an environment of its own."""
        home = "/root" if user == "root" else f"/home/{user}"
        path = "/usr/local/bin:/usr/bin:/bin" if user != "root" else "/usr/sbin:/usr/bin:/sbin:/bin"
        clean = {"HOME": home, "PATH": path, "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        clean |= {name: os.environ[name] for name in HANDED_IN if name in os.environ}
        if self._has_bundle:
            clean["PIP_CERT"] = BUNDLE_INSIDE
        pairs = [f"{name}={value}" for name, value in (clean | variables).items()]
        inside = ["/usr/sbin/chroot", f"--userspec={user}", "/", "/usr/bin/env", "-i", "-C", cwd, *pairs, *command]
        return ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", ENTER, str(self.folder), *inside]

    def install(self, *packages: str) -> Done:
        """Install Debian packages inside, as a reader of the README would."""
        return self.must("apt-get", "-q", "install", "-y", *packages)

    def clone(self, target: str, user: str) -> str:
        """A fresh clone of the last commit of this checkout, owned by that user; return which commit it is."""
        place = self.folder / target[1:]
        shutil.rmtree(place, ignore_errors=True)
        source = f"file://{environment.ROOT}"
        subprocess.run(["git", "clone", "--quiet", "--depth", "1", source, str(place)], check=True)
        self.must("chown", "-R", f"{user}:{user}", target)
        git = ["git", "-C", str(environment.ROOT), "rev-parse", "--short", "HEAD"]
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()

    def processes(self) -> list[str]:
        """The names of the processes that run inside now."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "root/.").samefile(self.folder):
                    found.append((process / "comm").read_text(encoding="utf-8").strip())
            except OSError:  # it ended
                continue
        return found

    def note(self, text: str) -> None:
        """Add to the log of everything."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(text)

    def _mount(self, source: str | Path, target: str, *options: str) -> None:
        place = self.folder / target
        place.mkdir(exist_ok=True)
        subprocess.run(["mount", *options, str(source), str(place)], check=True)

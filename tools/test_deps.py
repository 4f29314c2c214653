"""`make test-deps`: installs what the tests want beyond Python, as root; the rest goes into the environment.

Debian packages come without recommends, and none of the services they bring is started: a policy-rc.d that answers
"forbidden" stands there while they are installed.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import environment

PACKAGES = (
    *(
        "nginx-light",
        "apache2",
        "apache2-suexec-pristine",
        "libapache2-mod-fcgid",
        "libapache2-mod-jk",
        "libapache2-mod-wsgi-py3",
        "libapache2-mod-xsendfile",
        "lighttpd",
        "spawn-fcgi",
        "fcgiwrap",
        "libfcgi-bin",
        "nmap",
        "haproxy",
        "php-fpm",
    ),
    *("systemd", "curl", "wrk", "postgresql"),
    *("python3-venv", "clang", "libclang-rt-14-dev", "chromium", "chromium-driver"),
)
POLICY = Path("/usr/sbin/policy-rc.d")
FORBIDDEN = "#!/bin/sh\nexit 101\n"  # 101: action forbidden by policy (invoke-rc.d(8))


def main() -> int:
    """Install what is missing; nothing is asked and nothing is done twice."""
    absent = [name for name in PACKAGES if not _is_installed(name)]
    if absent and not shutil.which("apt-get"):
        print(f"make: this is no Debian; install by hand what corresponds to {' '.join(absent)}", file=sys.stderr)
        return 1
    if absent and os.geteuid() != 0:
        print("make: test-deps installs Debian packages: run it as root, or run", file=sys.stderr)
        print(f"  sudo apt-get install --no-install-recommends {' '.join(absent)}", file=sys.stderr)
        return 1
    if absent:
        status = _install(absent)
        if status:
            return status
    environment.prepare_groups("build", "test", "lint", "docs")
    return 0


def _is_installed(package: str) -> bool:
    query = ["dpkg-query", "-W", "-f", "${db:Status-Status}", package]
    try:
        return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "installed"
    except OSError:
        return False


def _install(packages: list[str]) -> int:
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text(FORBIDDEN, encoding="ascii")
        POLICY.chmod(0o755)
    try:
        for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            done = subprocess.run(["apt-get", "-q", *words], env=quiet, stdin=subprocess.DEVNULL, check=False)
            if done.returncode:
                print(f"make: apt-get {words[0]} failed", file=sys.stderr)
                return 1
    finally:
        if ours:
            POLICY.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())

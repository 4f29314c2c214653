"""What a build needs from the system, and the line that brings what is missing."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

OLDEST_PIP = (22, 3)  # the first with --python
PROBE = "#include <pthread.h>\n#include <stdlib.h>\nint main(void) { return 0; }\n"


def missing() -> list[tuple[str, str]]:
    """Return what is missing, each with the line that mends it."""
    checks = (_compiler(), _headers(), _pip())
    return [found for found in checks if found]


def require() -> None:
    """End the program when something is missing, with one line for each thing."""
    found = missing()
    if not found:
        return
    width = max(len(what) for what, _ in found)
    print("make: the build needs", file=sys.stderr)
    for what, mend in found:
        print(f"  {what.ljust(width)}   {mend}", file=sys.stderr)
    sys.exit(2)


def _compiler() -> tuple[str, str] | None:
    wanted = os.environ.get("CC", "").split()
    name = wanted[0] if wanted else next(filter(shutil.which, ("cc", "gcc", "clang")), "")
    if not name or not shutil.which(name):
        return ("a C compiler", f"CC={name} is not there" if name else "apt install gcc libc6-dev")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(PROBE, encoding="ascii")
        done = subprocess.run([name, "-o", Path(folder, "probe"), source], capture_output=True, check=False)
    return ("the C library's headers", "apt install libc6-dev") if done.returncode else None


def _headers() -> tuple[str, str] | None:
    if Path(sysconfig.get_path("include"), "Python.h").exists():
        return None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    what = f"Python.h of Python {version}"
    if not os.path.realpath(sys.executable).startswith("/usr/bin/"):
        return (what, f"{sys.executable} came without headers; name another with PYTHON=")
    return (what, "apt install " + ("python3-dev" if _is_default() else f"python{version}-dev"))


def _pip() -> tuple[str, str] | None:
    done = subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"pip (\d+)\.(\d+)", done.stdout)
    if found and (int(found[1]), int(found[2])) >= OLDEST_PIP:
        return None
    mend = "apt install python3-pip" if _is_default() else f"a pip that {sys.executable} -m pip runs"
    return ("pip 22.3 or newer", mend)


def _is_default() -> bool:
    return os.path.realpath("/usr/bin/python3") == os.path.realpath(sys.executable)

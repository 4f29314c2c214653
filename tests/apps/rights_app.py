"""Tells which rights its process has, had when it was loaded, and what its children inherit."""

from __future__ import annotations

import json
import os
import subprocess
import sys

LIST = "/proc/self/fd"
CHILD = f"import os; print([int(fd) for fd in os.listdir('{LIST}') if os.path.exists(f'{LIST}/{{fd}}')])"


def rights():
    """User, group and groups of this process."""
    return {"uid": os.getresuid(), "gid": os.getresgid(), "groups": sorted(os.getgroups())}


LOADED = rights()
MASK = os.umask(0)
os.umask(MASK)


def inherited():
    """The descriptors of a program that is started without any care."""
    run = subprocess.run([sys.executable, "-c", CHILD], close_fds=False, capture_output=True, check=True)
    return json.loads(run.stdout)


def orphan():
    """The number of a process that outlives whoever started it, and ends then."""
    code = "import os; pid = os.fork(); pid and (print(pid, flush=True), os._exit(0)); os.setsid(); os._exit(9)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return int(run.stdout)


def app(environ, start_response):
    """All of it as JSON; below /orphan the number of a process without a parent."""
    if environ["PATH_INFO"] == "/orphan":
        told = orphan()
    else:
        names = ("HOME", "USER", "LOGNAME")
        told = {"loaded": LOADED, "now": rights(), "umask": MASK, "fds": inherited(), "pid": os.getpid()}
        told["environ"] = {name: os.environ[name] for name in names if name in os.environ}
    body = json.dumps(told).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]

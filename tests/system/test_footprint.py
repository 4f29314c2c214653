"""An idle worker is hardly more than the interpreter itself."""

from __future__ import annotations

import subprocess
import sys

from support.memory import pss_kib
from support.server import APPS, Server

ALLOWED_KIB = 3 * 1024  # one process, the supervisor's part included (issue 2; DESIGN section 7)


def test_an_idle_process_has_at_most_3_mib_more_than_a_bare_interpreter():
    bare = subprocess.Popen(
        [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert bare.stdin is not None
    assert bare.stdout is not None
    with Server(f"{APPS}/trivial.py:app") as server:
        assert server.doors[0].request("GET", "/").body == b"hello"
        assert bare.stdout.readline() == b"up\n"
        more = pss_kib(server.pid) - pss_kib(bare.pid)
    bare.communicate()
    assert more <= ALLOWED_KIB

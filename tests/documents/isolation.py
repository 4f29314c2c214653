"""Runs a command in a network of its own, so that a page may name fixed ports, and ends with all of its children.

    python isolation.py COMMAND...

Root makes the name spaces directly, anybody else inside a new user name space. Only the loopback device exists there.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
PR_SET_PDEATHSIG = 1
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
UNAVAILABLE = 77

libc = ctypes.CDLL(None, use_errno=True)


def is_available() -> bool:
    """True where this kernel and this user can have a network of their own."""
    return subprocess.run([sys.executable, __file__, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


def main(command: list[str]) -> int:
    """Run the command and return its exit status."""
    try:
        _separate()
    except OSError as error:
        print(f"isolation: no name spaces here: {error}", file=sys.stderr)
        return UNAVAILABLE
    child = os.fork()  # the first process of the new process name space: with it all others end
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _mount_proc()
        os.execvp(command[0], command)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _separate() -> None:
    user, group = os.geteuid(), os.getegid()
    spaces = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS
    _checked(libc.unshare(spaces if user == 0 else spaces | CLONE_NEWUSER))
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="ascii")
    with socket.socket() as device:
        request = bytearray(struct.pack("16sH22x", b"lo", 0))
        fcntl.ioctl(device, SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("H", request, 16)
        struct.pack_into("H", request, 16, flags | IFF_UP)
        fcntl.ioctl(device, SIOCSIFFLAGS, request)


def _mount_proc() -> None:
    """Let /proc show the new processes; where that is forbidden it goes on showing the old ones."""
    libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    libc.mount(b"proc", b"/proc", b"proc", 0, None)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

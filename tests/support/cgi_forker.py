"""cgi_forker.py SOCKET JOURNAL OPTION...: `polydoor cgi OPTION... conformance:application` for each request.

Starting an interpreter costs far more than a request. So this process loads what it can beforehand and forks for each
request: the child has its own descriptors and environment and runs the command from its first line to its end.
"""

from __future__ import annotations

import array
import contextlib
import http.client  # noqa: F401 - what the journal needs
import os
import select
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "apps"))

import conformance
import journal

from polydoor.bridge import Engine  # noqa: F401
from polydoor.cli import cgi, main  # noqa: F401
from polydoor.worker import cgi as worker  # noqa: F401

APP = f"{conformance.__name__}:application"


def run(control: socket.socket, options: list[str]) -> None:
    """The child: becomes what a web server would have started."""
    size = array.array("i").itemsize
    message, ancillary, _, _ = control.recvmsg(1 << 20, socket.CMSG_SPACE(2 * size))
    fds = array.array("i")
    fds.frombytes(ancillary[0][2])
    for target, fd in enumerate(fds):
        os.dup2(fd, target)
        os.close(fd)
    os.environ.clear()
    for text in message.split(b"\0")[:-1]:
        name, _, value = text.partition(b"=")
        os.environb[name] = value
    control.detach()
    # What a careless wrapper passes on must not matter.
    sys.exit(main(["cgi", *options, APP, "--no-such-option", "-b", "other:app"]))


def serve(path: str, options: list[str]) -> None:
    """Fork for each connection, and tell it how its process ended."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(f"{path}.new")
    listener.listen(64)
    os.rename(f"{path}.new", path)  # only now anybody may find it
    children: dict[int, tuple[int, socket.socket]] = {}
    while True:
        for fd in select.select([listener, *children], [], [])[0]:
            if fd is listener:
                control, _ = listener.accept()
                pid = os.fork()
                if not pid:
                    listener.close()
                    for _, other in children.values():
                        other.close()
                    run(control, options)
                children[os.pidfd_open(pid)] = (pid, control)
            else:
                pid, control = children.pop(fd)
                os.close(fd)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with contextlib.suppress(OSError):  # nobody wants to know
                    control.send(str(status).encode())
                control.close()


if __name__ == "__main__":
    host, _, port = sys.argv[2].partition(":")
    journal.remote = (host, int(port))
    serve(sys.argv[1], sys.argv[3:])

"""What `socket` does with descriptors, by its half that is written in C; the other one is half a megabyte."""

from __future__ import annotations

import _socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

FD_BYTES = 4  # of an int in C


def pair() -> tuple[_socket.socket, _socket.socket]:
    """Two ends of a new connection that keeps messages apart."""
    return _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)


def send_fds(line: _socket.socket, message: bytes, fds: Iterable[int]) -> None:
    """Send a message with descriptors."""
    numbers = b"".join(fd.to_bytes(FD_BYTES, sys.byteorder) for fd in fds)
    line.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, numbers)])


def receive_fds(line: _socket.socket, size: int, most: int) -> tuple[bytes, list[int]]:
    """Receive a message of at most `size` bytes, with at most so many descriptors; nothing at the end."""
    message, more, _flags, _peer = line.recvmsg(size, _socket.CMSG_LEN(most * FD_BYTES))
    numbers = b"".join(data for level, kind, data in more if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS))
    starts = range(0, len(numbers) - FD_BYTES + 1, FD_BYTES)
    return message, [int.from_bytes(numbers[start : start + FD_BYTES], sys.byteorder) for start in starts]

"""Transfers by pycurl, whose multi interface tells what it waits for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pycurl

from polydoor.asyncwsgi.operations import Wait, wait_for_any

if TYPE_CHECKING:
    from polydoor.asyncwsgi.operations import Operation


def perform(curl: pycurl.Curl) -> Operation[None]:
    """Carry out a transfer that has been set up; raise pycurl.error as Curl.perform() does."""
    multi = pycurl.CurlMulti()
    try:
        wanted = _Wanted(multi)
        multi.add_handle(curl)
        try:
            active = _act(multi, wanted, pycurl.SOCKET_TIMEOUT, 0)
            while active:
                ready = yield from wait_for_any(wanted.waits(), wanted.timeout())
                if not ready:
                    active = _act(multi, wanted, pycurl.SOCKET_TIMEOUT, 0)
                for wait in ready:
                    active = _act(multi, wanted, wait.fd, pycurl.CSELECT_OUT if wait.is_write else pycurl.CSELECT_IN)
            _, _, failed = multi.info_read()
            for _, number, text in failed:
                raise pycurl.error(number, text)
        finally:
            multi.remove_handle(curl)
    finally:
        multi.close()


def _act(multi: pycurl.CurlMulti, wanted: _Wanted, fd: object, events: int) -> int:
    """Tell libcurl what has happened; how many transfers are still under way."""
    if fd == pycurl.SOCKET_TIMEOUT:
        wanted.forget_timer()  # it sets another one if it wants to
    _, active = multi.socket_action(fd, events)
    return int(active)


class _Wanted:
    """What libcurl wants to hear of: sockets, and a time.

    Its other way of telling, sets for select(), ends at descriptor 1024. It does not know its CurlMulti: each would
    keep the other alive.
    """

    def __init__(self, multi: pycurl.CurlMulti) -> None:
        self._sockets: dict[int, int] = {}
        self._deadline: float | None = None
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def forget_timer(self) -> None:
        """The time has come."""
        self._deadline = None

    def waits(self) -> list[Wait]:
        """All that it waits for."""
        found = []
        for fd, what in self._sockets.items():
            found += [Wait(fd)] * bool(what & pycurl.POLL_IN)
            found += [Wait(fd, is_write=True)] * bool(what & pycurl.POLL_OUT)
        return found

    def timeout(self) -> float | None:
        """Seconds until it wants to be called in any case."""
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _watch(self, what: int, fd: int, _multi: object, _data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            self._sockets.pop(fd, None)
        else:
            self._sockets[fd] = what

    def _set_timer(self, milliseconds: int) -> None:
        self._deadline = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000

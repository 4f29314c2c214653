"""pool_program.py CONTROL WORKERS THREADS APP -b URL...: forks workers that share listeners, as it is told.

A supervisor without a mind of its own. Over CONTROL, a Unix socket, it takes one JSON list a line and answers each:

    ["start", slot]     forks a worker; answers its pid when it accepts
    ["signal", slot, n] SIGUSR1 makes it retire, SIGTERM stop
    ["wait", slot]      waits for its end and clears its slot; answers its exit status, negative for a signal
    ["read"]            the slots, and whose turn it is
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from polydoor.bridge import Board, Bound, Engine, bind
from polydoor.settings.load import Settings, from_keywords

DRAIN_MS = 20_000
PATIENCE_S = 20.0
RETIRE, STOP = signal.SIGUSR1, signal.SIGTERM


class Pool:
    """What all workers inherit."""

    def __init__(self, settings: Settings, slots: int, app: str) -> None:
        self.settings = settings
        self.app = app
        self.board = Board(slots)
        self.pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.bounds: list[Bound] = [bind(spec, 128) for spec in settings.listeners()]
        self.pids: dict[int, int] = {}

    def start(self, slot: int) -> int:
        """Fork a worker, and wait until it accepts."""
        pid = os.fork()
        if not pid:
            try:
                self.work(slot)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(70)
            os._exit(0)
        self.pids[slot] = pid
        deadline = time.monotonic() + PATIENCE_S
        while self.board.read(slot)["state"] != "accepting":
            if time.monotonic() > deadline or os.waitpid(pid, os.WNOHANG)[0]:
                sys.exit(f"worker {slot} does not accept: {self.board.read(slot)}")
            time.sleep(0.001)
        return pid

    def work(self, slot: int) -> None:
        """The life of a worker."""
        parent = os.getppid()
        signal.pthread_sigmask(signal.SIG_BLOCK, [RETIRE, STOP])
        engine = Engine(self.settings.engine())
        receive, send = self.pair
        for spec, bound in zip(self.settings.listeners(), self.bounds, strict=True):
            bound.leave()
            if engine.listen({**spec, "kind": "fd", "fd": bound.fd}) != bound.name:
                raise AssertionError("the name of an inherited socket is another one")
        engine.join(self.board, slot, (receive.fileno(), send.fileno()), os.getpid())
        module, _, attribute = self.app.partition(":")
        app = getattr(importlib.import_module(module), attribute)
        count = self.settings.number("threads")
        threads = [threading.Thread(target=engine.run_thread, args=(app, {})) for _ in range(count)]
        threads.append(threading.Thread(target=engine.run_relief))
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.board.beat(slot)
            if os.getppid() != parent:  # the test was killed
                os._exit(71)
            told = signal.sigtimedwait([RETIRE, STOP], 0.02)
            if told is not None:
                (engine.retire if told.si_signo == RETIRE else engine.stop)(DRAIN_MS)
            os.write(2, engine.take_log())

    def wait(self, slot: int) -> int:
        """Wait for the end of a worker."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.pids.pop(slot), 0)[1])
        self.board.clear(slot)
        return status

    def obey(self, command: str, *words: int) -> Any:
        """One line of the control socket."""
        if command == "start":
            return self.start(*words)
        if command == "signal":
            return os.kill(self.pids[words[0]], words[1])
        if command == "wait":
            return self.wait(*words)
        return {"slots": [self.board.read(slot) for slot in range(self.board.slots)], "watcher": self.board.watcher}

    def end(self) -> None:
        """Stop what runs, and give the sockets back."""
        for bound in self.bounds:
            bound.refuse()
        for pid in self.pids.values():
            os.kill(pid, STOP)
        statuses = [self.wait(slot) for slot in list(self.pids)]
        for bound in self.bounds:
            bound.close()
        if any(statuses):
            sys.exit(f"workers ended with {statuses}")


def main(control: str, workers: str, threads: str, app: str, *options: str) -> None:
    """Serve the control socket until SIGTERM."""
    urls = [text for text in options if text != "-b"]
    pool = Pool(from_keywords(bind=urls, threads=int(threads)), int(workers), app)
    signal.signal(STOP, lambda *_: sys.exit(0))
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(control)
    listener.listen()
    sys.stderr.write("".join(f"{bound.name}\n" for bound in pool.bounds))
    sys.stderr.flush()
    try:
        stream = listener.accept()[0].makefile("rw")
        for line in stream:
            stream.write(json.dumps(pool.obey(*json.loads(line))) + "\n")
            stream.flush()
    finally:
        signal.signal(STOP, signal.SIG_IGN)
        pool.end()


main(*sys.argv[1:])

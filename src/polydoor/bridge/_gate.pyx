# cython: language_level=3, binding=False, embedsignature=False, freethreading_compatible=True
"""The lock file of the CGI stub (core/loop/gate.h) for the daemon behind it, and for those who ask how that is.

An extension of its own: a server that no stub has started does without it.
"""
import os

from polydoor.bridge cimport core

cdef extern from "loop/gate.h" nogil:
    enum pd_gate_result:
        PD_GATE_OK
        PD_GATE_LATE
        PD_GATE_ABSENT
        PD_GATE_FULL
        PD_GATE_PENDING
        PD_GATE_FOREIGN
        PD_GATE_FAILED

    struct pd_gate_record:
        long long started_ms
        unsigned failures
        int pid
        bint is_ready

    struct pd_gate:
        int fd

    bint pd_gate_open(pd_gate *g, const core.pd_sys *sys, const char *path)
    void pd_gate_adopt(pd_gate *g, const core.pd_sys *sys, int fd)
    void pd_gate_close(pd_gate *g)
    pd_gate_result pd_gate_listen(pd_gate *g, const char *path, int *listener, int *own)
    bint pd_gate_hold(pd_gate *g)
    bint pd_gate_is_held(pd_gate *g)
    pd_gate_record pd_gate_read(pd_gate *g)
    bint pd_gate_ready(pd_gate *g, int listener, int backlog)
    bint pd_gate_is_mine(const pd_gate *g, const char *path)
    pd_gate_result pd_gate_leave(pd_gate *g, const char *path, int listener, bint if_idle, int wait_ms)
    unsigned pd_gate_rate(pd_gate *g)

RESULTS = {
    PD_GATE_OK: "ok", PD_GATE_LATE: "late", PD_GATE_ABSENT: "absent", PD_GATE_FULL: "full",
    PD_GATE_PENDING: "pending", PD_GATE_FOREIGN: "foreign", PD_GATE_FAILED: "failed",
}


cdef class Gate:
    """One open lock file."""

    cdef pd_gate gate
    cdef bytes socket

    def __cinit__(self, fd_or_path, socket_path):
        self.gate.fd = -1
        self.socket = os.fsencode(socket_path)
        if isinstance(fd_or_path, int):
            os.set_inheritable(fd_or_path, False)
            pd_gate_adopt(&self.gate, core.pd_sys_default(), fd_or_path)
            return
        path = os.fsencode(fd_or_path)
        if not pd_gate_open(&self.gate, core.pd_sys_default(), path):
            raise OSError("the lock file cannot be opened, or is none of this user's")

    def close(self):
        """Close the file; what it holds is free then."""
        pd_gate_close(&self.gate)

    @property
    def fd(self):
        """The descriptor; -1 when it is closed."""
        return self.gate.fd

    @property
    def is_held(self):
        """Whether another descriptor says that a daemon listens."""
        return bool(pd_gate_is_held(&self.gate))

    @property
    def is_mine(self):
        """In the daemon: whether the path of the socket still leads to its own."""
        return bool(pd_gate_is_mine(&self.gate, self.socket))

    def hold(self):
        """In the daemon: hold the lock of who listens; False while another daemon does."""
        return bool(pd_gate_hold(&self.gate))

    @property
    def rate(self):
        """How many requests came in the last minute, about."""
        return pd_gate_rate(&self.gate)

    def record(self):
        """What is known of the last daemon."""
        cdef pd_gate_record found = pd_gate_read(&self.gate)
        return {"started_ms": found.started_ms, "failures": found.failures, "pid": found.pid,
                "is_ready": bool(found.is_ready)}

    def listen(self):
        """As the stub does: bind and listen, and hold the lock of a daemon; (listener, a connection to it)."""
        cdef int listener, own
        result = pd_gate_listen(&self.gate, self.socket, &listener, &own)
        if result != PD_GATE_OK or not pd_gate_hold(&self.gate):
            raise OSError(f"cannot listen: {RESULTS[result]}")
        return listener, own

    def ready(self, int listener, int backlog):
        """In the daemon: it serves from now on; False: the record cannot be written."""
        return bool(pd_gate_ready(&self.gate, listener, backlog))

    def leave(self, int listener, bint if_idle, int wait_ms):
        """In the daemon: take the path away; `if_idle`, only if that hinders nobody. Returns how that went."""
        cdef const char *path = self.socket
        cdef pd_gate_result result
        with nogil:
            result = pd_gate_leave(&self.gate, path, listener, if_idle, wait_ms)
        return RESULTS[result]

# fdevent.pxi - x-wsgiorg.fdevent as applications see it: a request waits for a descriptor without a thread.
from cpython.contextvars cimport PyContext_Copy, PyContext_CopyCurrent, PyContext_Enter, PyContext_Exit
from libc.math cimport ceil

cdef extern from "Python.h":
    int PyObject_AsFileDescriptor(object fd) except -1

FDEVENT_OFF_THREAD = "x-wsgiorg.fdevent is for the thread that runs the request, while it runs the application"
FDEVENT_LATE = "x-wsgiorg.fdevent cannot wait any more: the response has ended"
FDEVENT_TWICE = (
    "x-wsgiorg.fdevent was called a second time before the empty string of the first call was yielded; the application "
    "must yield it at once, and no middleware may keep or drop it"
)
FDEVENT_NOT_EMPTY = (
    "x-wsgiorg.fdevent was called, and then something other than its empty string was yielded; the application must "
    "yield that at once, and no middleware may keep or drop it"
)
FDEVENT_KEPT = (
    "x-wsgiorg.fdevent was called, and then its empty string was not yielded; the application must yield it at once, "
    "and no middleware may keep or drop it"
)
FDEVENT_LONGEST = 9e9  # seconds; more is for ever


cdef class Exchange


@cython.final
cdef class WaitTimeout:
    """True when the wait that has just ended was ended by its time, and not by the descriptor."""

    cdef bint has_passed

    def __bool__(self):
        return self.has_passed


@cython.final
cdef class Suspension:
    """What a request needs that has called the extension; those that do not never have one."""

    cdef bint pending  # a call was made, and its empty string has not been yielded
    cdef core.pd_wait_for what
    cdef Waiter waiter
    cdef object result   # of the application
    cdef object blocks   # ... iterated
    cdef object environ
    cdef object page
    cdef object context  # of contextvars, in which all of the request runs

    cdef void clear(self) noexcept:
        """The request is over. It would keep itself alive: its iterator knows the environ, which leads here."""
        self.result = self.blocks = self.environ = self.page = None


@cython.final
cdef class Waiter:
    """The callables of the extension. One for each thread, which knows for which request it is called: that one runs.

    Where requests go on on any thread, each request has its own.
    """

    cdef PyObject *running  # the Exchange for which this thread runs the application, NULL: for none
    cdef unsigned long ident
    cdef readonly WaitTimeout timeout

    def __cinit__(self):
        self.ident = PyThread_get_thread_ident()
        self.timeout = WaitTimeout()

    cdef int enter(self, dict environ) except -1:
        environ["polydoor.input_ready"] = self.input_ready
        environ["x-wsgiorg.fdevent.readable"] = self.readable
        environ["x-wsgiorg.fdevent.writable"] = self.writable
        environ["x-wsgiorg.fdevent.timeout"] = self.timeout
        return 0

    def readable(self, fd, timeout=None, /):
        """Let the request go on when `fd` can be read, or after `timeout` seconds; returns b"", to be yielded next."""
        return self.wait(False, core.PD_READABLE, PyObject_AsFileDescriptor(fd), timeout)

    def writable(self, fd, timeout=None, /):
        """The same when `fd` can be written."""
        return self.wait(False, core.PD_WRITABLE, PyObject_AsFileDescriptor(fd), timeout)

    def input_ready(self, timeout=None, /):
        """The same when something of `wsgi.input` is there, or its end, or the error that it ends with."""
        return self.wait(True, core.PD_READABLE, -1, timeout)

    cdef bytes wait(self, bint body, uint32_t events, int number, object timeout):
        cdef Exchange ex
        cdef Suspension s
        cdef int64_t ns = wait_ns(timeout)
        if PyThread_get_thread_ident() != self.ident or self.running == NULL:
            raise RuntimeError(FDEVENT_OFF_THREAD)
        ex = <Exchange>self.running
        if ex.x == NULL:
            raise RuntimeError(FDEVENT_LATE)
        s = ex.suspension
        if s is None:
            s = ex.suspension = Suspension.__new__(Suspension)
            s.waiter = self
        elif s.pending:
            raise RuntimeError(FDEVENT_TWICE)
        s.what.body = body and not ex.input.holds()  # else it is there, as what a bad number stands for is
        s.what.fd = number
        s.what.events = events
        s.what.timeout_ns = ns
        s.pending = True
        return b""


cdef int64_t wait_ns(object timeout) except? -2:
    """Seconds as nanoseconds; -1: for ever."""
    cdef double seconds
    if timeout is None:
        return -1
    seconds = timeout
    if not seconds >= 0:
        raise ValueError("the timeout must be a number of seconds that is not negative, or None")
    return <int64_t>ceil(seconds * 1e9) if seconds < FDEVENT_LONGEST else -1


@cython.final
cdef class Contexts:
    """Which context of contextvars a thread is in.

    Requests that are never suspended share one, as they share the thread. One that is takes it along, so that
    everything of it runs in the context in which it began; those behind it get a fresh one.
    """

    cdef object fresh    # as the thread began
    cdef object current  # entered, under that of a request that has been suspended

    def __cinit__(self):
        self.fresh = PyContext_CopyCurrent()
        self.current = PyContext_Copy(self.fresh)
        PyContext_Enter(self.current)

    cdef int leave(self, Suspension s) except -1:
        if s.context is not None:
            PyContext_Exit(s.context)
            return 0
        s.context = self.current
        PyContext_Exit(self.current)
        self.current = PyContext_Copy(self.fresh)
        PyContext_Enter(self.current)
        return 0

    cdef int end(self) except -1:
        PyContext_Exit(self.current)
        return 0

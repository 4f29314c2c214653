# window.pxi - when an app thread may be interrupted (window.h), and interrupting it.
cdef extern from "window.h" nogil:
    struct window:
        pass
    enum:
        WINDOW_NOT_NOW
        WINDOW_FIRST
    void window_init(window *w)
    void window_fini(window *w)
    void window_begin(window *w, uint64_t request)
    void window_open(window *w)
    bint window_close(window *w)
    bint window_close_late(window *w)
    int window_hold(window *w, uint64_t request, bint may_repeat)
    void window_release(window *w, bint hit)


cdef extern from "Python.h":
    int PyThreadState_SetAsyncExc(unsigned long ident, PyObject *error)
    unsigned long PyThread_get_thread_ident()
    PyObject *PyIter_Next(object blocks) except? NULL


@cython.final
cdef class Window:
    """Open while the thread that made it runs the application. Whatever else it does cannot be interrupted."""

    cdef window w
    cdef unsigned long ident
    cdef unsigned int forks

    def __cinit__(self):
        window_init(&self.w)
        self.ident = PyThread_get_thread_ident()
        self.forks = forks

    def __dealloc__(self):
        if self.forks == forks:
            window_fini(&self.w)

    cdef inline void close(self) noexcept:
        if not window_close(&self.w):
            self.close_late()

    cdef void close_late(self) noexcept:
        """The main thread is about to interrupt this one, or has: nothing of that may outlive this call."""
        cdef bint hit
        if self.forks != forks:
            return  # whoever held it is not in this process
        with nogil:
            hit = window_close_late(&self.w)
        if hit:
            PyThreadState_SetAsyncExc(self.ident, NULL)

    cdef object iterate(self, object result):
        window_open(&self.w)
        try:
            return iter(result)
        finally:
            self.close()

    cdef PyObject *step(self, object blocks) except? NULL:
        """The next block, as a new reference; NULL behind the last one."""
        window_open(&self.w)
        try:
            return PyIter_Next(blocks)
        finally:
            self.close()

    cdef Py_ssize_t length(self, object result) except -2:
        """What len() says, or -1 (PEP 3333 trusts it when it works)."""
        window_open(&self.w)
        try:
            return len(result)
        except Exception:
            return -1
        finally:
            self.close()

    cdef object file(self, object filelike):
        window_open(&self.w)
        try:
            return file_range(filelike)
        finally:
            self.close()

    cdef object interrupt(self, uint64_t request, object error, object look, bint may_repeat):
        """Raise `error` in the thread if it runs the application for that request; None: it does not, or not now.

        `look(ident)` is called meanwhile, while the thread cannot go on to anything else, unless the request has been
        interrupted before: then the empty text stands for what it gives.
        """
        cdef bint hit = False
        cdef int held
        held = window_hold(&self.w, request, may_repeat)
        if held == WINDOW_NOT_NOW:
            return None
        try:
            seen = look(self.ident) if held == WINDOW_FIRST else ""
            hit = PyThreadState_SetAsyncExc(self.ident, <PyObject *>error) > 0
        finally:
            window_release(&self.w, hit)
        return seen

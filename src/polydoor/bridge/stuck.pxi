# stuck.pxi - the end of a process whose interpreter stands still (stuck.h).

cdef extern from "stuck.h" nogil:
    void stuck_begin(int status)
    void stuck_write(int fd, const char *text, size_t n)
    void stuck_end(int fd, int number, int status)


@cython.final
cdef class LastWords:
    """What is said then, and how the process ends. Made while Python still works."""

    cdef bytes kept  # so that `text` lives
    cdef const char *text
    cdef int fd
    cdef int number
    cdef int status

    def __cinit__(self, text, int fd, int number, int status):
        self.kept = text.encode("utf-8", "backslashreplace")
        self.text = PyBytes_AS_STRING(self.kept)
        self.fd = fd
        self.number = number
        self.status = status

    cdef void say_and_end(self, core.pd_engine *e) noexcept nogil:
        """Behind what waits in the engine's log. Nothing here may wait for the GIL: it will not come."""
        cdef char line[4096]
        cdef size_t n = 1
        stuck_begin(self.status)
        while n:
            n = core.pd_engine_take_log(e, line, sizeof(line))
            stuck_write(self.fd, line, n)
        stuck_write(self.fd, self.text, strlen(self.text))
        stuck_end(self.fd, self.number, self.status)

# input.pxi - wsgi.input.
from _thread import allocate_lock

ENDED = "the request has ended: its body cannot be read any more"

cdef enum:
    CHUNK = 65536  # bytes asked of the engine when the application names no size
    AT_ONCE = 1 << 20  # most bytes allocated before they are there


@cython.final
@cython.freelist(8)
cdef class Input:
    """The request body as a file (PEP 3333, "Input and Error Streams").

    Ends where the body ends (`wsgi.input_terminated`). Raises PeerClosed, which is an OSError, when the body breaks off
    or is malformed: a short read never passes for the whole.

    Any thread may read, one at a time: others wait for their turn. `x` is the one way of other threads to the engine.
    Whoever finds it set holds the GIL (or, without one, this object's critical section) until it has called the engine
    or told it with pd_exchange_enter() that it is there; the end of the request waits for those.
    """

    cdef core.pd_exchange *x  # NULL once the request has ended
    cdef int sending          # threads that send output without the GIL
    cdef bint reading         # a thread has its turn
    cdef list turns           # locks of threads that wait for theirs
    cdef core.pd_thread *t
    cdef bytes kept           # bytes taken from the engine and not yet given to the application
    cdef Py_ssize_t at        # ... from here on

    cdef bytes fetch(self, size_t n):
        """Up to `n` bytes from the engine, at least one unless the body has ended."""
        cdef bytes data
        cdef size_t got = 0
        cdef core.pd_read r = core.PD_READ_OK
        cdef core.pd_exchange *x
        cdef bint waits = False
        cdef const char *why = NULL
        cdef char *dst
        data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>n)
        dst = PyBytes_AS_STRING(data)
        with cython.critical_section(self):
            x = self.x
            if x == NULL:
                raise ValueError(ENDED)
            waits = not core.pd_exchange_body_is_in_memory(x)
            if waits:
                core.pd_exchange_enter(x)
            else:
                r = core.pd_exchange_read(self.t, x, dst, n, &got)
        if waits:
            with nogil:
                r = core.pd_exchange_read(self.t, x, dst, n, &got)
                if r == core.PD_READ_ERROR:
                    why = core.pd_exchange_body_error(x)
                core.pd_exchange_leave(x)
        if r == core.PD_READ_ERROR:
            if self.x == NULL:
                raise ValueError(ENDED)
            raise PeerClosed(why.decode() if why != NULL else "the request body is broken")
        return data if got == n else data[:got]

    cdef int begin(self) except -1:
        """Wait for this thread's turn to read."""
        turn = None
        while True:
            with cython.critical_section(self):
                if self.x == NULL:
                    self.call_next()
                    raise ValueError(ENDED)
                if not self.reading:
                    self.reading = True
                    return 0
                if turn is not None:
                    self.turns.append(turn)
                elif self.turns is None:
                    self.turns = []
            if turn is None:
                turn = allocate_lock()
                turn.acquire()
                continue  # what was waited for may have come about
            turn.acquire()

    cdef int end(self) except -1:
        """The next thread may read."""
        with cython.critical_section(self):
            self.reading = False
            self.call_next()
        return 0

    cdef int call_next(self) except -1:
        if self.turns:
            self.turns.pop(0).release()
        return 0

    cdef bint holds(self) noexcept:
        return self.at < len(self.kept)

    cdef bytes take_kept(self, Py_ssize_t n):
        """Up to `n` of the kept bytes; a negative `n` means all."""
        cdef Py_ssize_t left = len(self.kept) - self.at
        cdef bytes data
        if n < 0 or n >= left:
            data = self.kept[self.at:] if self.at else self.kept
            self.kept = b""
            self.at = 0
        else:
            data = self.kept[self.at:self.at + n]
            self.at += n
        return data

    cdef bytes read_up_to(self, Py_ssize_t n):
        cdef list parts = [self.take_kept(n)]
        cdef Py_ssize_t got = len(parts[0])
        cdef Py_ssize_t want
        cdef bytes data
        while n < 0 or got < n:
            want = CHUNK if n < 0 else min(n - got, <Py_ssize_t>AT_ONCE)
            data = self.fetch(<size_t>want)
            if not data:
                break
            parts.append(data)
            got += len(data)
        if not parts[0]:
            del parts[0]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def read(self, size=-1):
        """Bytes up to `size`, fewer only at the end of the body; all that is left without a size."""
        cdef Py_ssize_t n = -1 if size is None else <Py_ssize_t>size
        self.begin()
        try:
            return self.read_up_to(n)
        finally:
            self.end()

    def read1(self, size=-1):
        """Up to `size` bytes of what is there, 64 KiB without a size; waits only while nothing is."""
        cdef Py_ssize_t n = -1 if size is None else <Py_ssize_t>size
        self.begin()
        try:
            if self.holds():
                return self.take_kept(n)
            return self.fetch(<size_t>(CHUNK if n < 0 else min(n, <Py_ssize_t>AT_ONCE)))
        finally:
            self.end()

    cdef bytes line_up_to(self, Py_ssize_t n):
        cdef list parts = []
        cdef Py_ssize_t got = 0
        cdef Py_ssize_t end
        cdef bytes part
        while n < 0 or got < n:
            if self.at == len(self.kept):
                self.kept = self.fetch(CHUNK)
                self.at = 0
                if not self.kept:
                    break
            end = self.kept.find(b"\n", self.at) + 1
            part = self.take_kept(min(end - self.at if end else len(self.kept), n - got if n >= 0 else len(self.kept)))
            parts.append(part)
            got += len(part)
            if part.endswith(b"\n"):
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    cdef bytes next_line(self, Py_ssize_t n):
        self.begin()
        try:
            return self.line_up_to(n)
        finally:
            self.end()

    def readline(self, size=-1):
        """A line with its line feed, at most `size` bytes of it; empty at the end of the body."""
        return self.next_line(-1 if size is None else <Py_ssize_t>size)

    def readlines(self, hint=-1):
        """Lines until the end of the body, or until `hint` bytes are passed."""
        cdef Py_ssize_t limit = -1 if hint is None else <Py_ssize_t>hint
        cdef Py_ssize_t got = 0
        cdef list lines = []
        for line in self:
            lines.append(line)
            got += len(<bytes>line)
            if 0 < limit <= got:
                break
        return lines

    def __iter__(self):
        return self

    def __next__(self):
        cdef bytes line = self.next_line(-1)
        if not line:
            raise StopIteration
        return line

    def close(self):
        """Do nothing: applications may not close the stream (PEP 3333), but middleware does."""

# respond.pxi - start_response, write() and the way of a result to the peer.

cdef enum Progress:
    OPEN     # the application's output is wanted
    OVER     # nothing more is wanted: the peer has left
    SURPLUS  # ... or the application gave more than its Content-Length


@cython.final
@cython.freelist(8)
cdef class Exchange:
    """One request with its response; the object itself is `start_response`.

    `x` belongs to the app thread. What other threads may call too takes `input.x` instead (see Input).
    """

    cdef core.pd_exchange *x  # NULL once the response is complete or broken off
    cdef core.pd_thread *t
    cdef Input input
    cdef Window window
    cdef str request_id
    cdef Suspension suspension  # None: it has not called x-wsgiorg.fdevent
    cdef bint started         # start_response was called
    cdef bint wrote           # write() was used
    cdef Progress progress

    def __call__(self, status, headers, exc_info=None):
        """Begin the response (PEP 3333, "The start_response() Callable")."""
        cdef core.pd_exchange *x
        cdef bint dropped
        cdef bint replaces = bool(exc_info)
        if replaces:
            check_exc_info(exc_info)
        with cython.critical_section(self.input):
            x = self.input.x  # from here on nothing of Python runs that could let another thread end the request
            if x == NULL:
                raise RuntimeError("start_response() after the response has ended")
            if replaces:
                try:
                    if self.input.sending or core.pd_exchange_head_sent(x):
                        raise exc_info[1].with_traceback(exc_info[2])
                finally:
                    exc_info = None
            elif self.started:
                raise AssertionError("start_response() a second time, without exc_info")
            self.started = True
            fill_head(core.pd_exchange_response(x), status, headers)
            dropped = core.pd_exchange_response(x).dropped_file
        if dropped:
            say_dropped_file(self.t)
        return PyCFunction_New(WRITE, self)

    def write(self, data):
        """Send a block now (PEP 3333, "The write() Callable")."""
        self.wrote = True
        if self.input.x == NULL:
            raise RuntimeError("write() after the response has ended")
        self.send(data)
        if self.progress == SURPLUS:
            raise ValueError("write() past the response's Content-Length")
        if self.progress == OVER:  # else a loop of write() would go on for nobody; an iterable is simply closed
            raise PeerClosed("nobody reads this response any more")

    @property
    def door(self):
        """The protocol of the connection and the address of its other end; for diagnostics, while the app is called."""
        if self.x == NULL:
            raise RuntimeError("the response has ended")
        return core.pd_exchange_protocol(self.x).decode("ascii"), core.pd_exchange_peer(self.x).decode("ascii")

    def client_gone(self):
        """True when nobody waits for this response any more. The GIL is kept: it never waits."""
        cdef bint gone
        with cython.critical_section(self.input):
            gone = self.input.x == NULL or core.pd_exchange_client_gone(self.input.x)
        return gone

    def early_hints(self, headers):
        """Send a 103 response with these headers, before the response itself (RFC 8297)."""
        send_hints(self.input, headers)

    cdef int send(self, object block) except -1:
        """Give one block to the engine, from any thread; sets `progress`."""
        cdef core.pd_exchange *x
        cdef core.pd_slice s
        cdef core.pd_send r = core.PD_SEND_AGAIN
        if not isinstance(block, bytes):
            raise TypeError(f"the response body must be bytes, not {type(block).__name__}")
        s = bytes_slice(block)
        if s.n == 0:
            return 0
        if not self.started:
            raise AssertionError("the application gave a block before it called start_response()")
        with cython.critical_section(self.input):
            x = self.input.x
            if x == NULL:
                raise RuntimeError("write() after the response has ended")
            if s.n <= core.PD_SEND_SMALL:
                r = core.pd_exchange_write(x, s, False)
            if r == core.PD_SEND_AGAIN:
                self.input.sending += 1
                core.pd_exchange_enter(x)
        if r == core.PD_SEND_AGAIN:
            with nogil:
                r = core.pd_exchange_write(x, s, True)
                core.pd_exchange_leave(x)
            with cython.critical_section(self.input):
                self.input.sending -= 1
        self.judge(r)
        return 0

    cdef int finish(self, object block) except -1:
        """Give the last block to the engine; the response is over then."""
        cdef core.pd_exchange *x
        cdef core.pd_slice s
        cdef core.pd_send r
        if not isinstance(block, bytes):
            raise TypeError(f"the response body must be bytes, not {type(block).__name__}")
        if not self.started:
            raise AssertionError("the application did not call start_response()")
        s = bytes_slice(block)
        x = self.x
        self.detach()  # first: once the engine has it back, no other thread may reach it
        if s.n <= core.PD_SEND_SMALL and not core.pd_engine_is_contended(self.t):
            r = core.pd_exchange_last(self.t, x, s, False)
        else:
            with nogil:
                core.pd_engine_lets_go(self.t)
                r = core.pd_exchange_last(self.t, x, s, False)
            core.pd_engine_goes_on(self.t)
        if r == core.PD_SEND_AGAIN:
            with nogil:
                r = core.pd_exchange_last(self.t, x, s, True)
        if r == core.PD_SEND_BAD_HEAD:
            self.x = x  # for fail()
        self.judge(r)
        return 0

    cdef int judge(self, core.pd_send r) except -1:
        if r == core.PD_SEND_OK:
            return 0
        if r == core.PD_SEND_BAD_HEAD:
            raise ValueError("the response head was refused, or does not fit the protocol's packet")
        self.progress = SURPLUS if r == core.PD_SEND_TOO_LONG else OVER
        return 0

    cdef int announce(self, uint64_t length) except -1:
        """Add the Content-Length if the application left it out."""
        cdef core.pd_response *r = core.pd_exchange_response(self.x)
        with cython.critical_section(self.input):
            if (
                self.started and not self.wrote and not self.input.sending and not core.pd_exchange_head_sent(self.x)
                and r.content_length < 0 and may_have_length(r.status)
            ):
                check(core.pd_response_set_length(r, length), "Content-Length")
        return 0

    cdef int send_file(self, FileWrapper wrapper, dict file_maps) except -1:
        """Let the engine send the rest of a plain file. 0: it is not one, and must be iterated."""
        cdef core.pd_send r
        cdef int fd
        cdef uint64_t offset, n
        cdef int64_t length
        found = self.window.file(wrapper.filelike)
        if found is None or not self.started or self.wrote:
            return 0  # behind write() the rest must be counted and framed like any block
        if file_maps is not None and hand_over(self, wrapper, found, file_maps):
            return 1
        self.announce(found[2])
        offset = found[1]
        n = found[2]
        length = core.pd_exchange_response(self.x).content_length
        if 0 <= length and <uint64_t>length < n:
            n = <uint64_t>length
        fd = os.dup(found[0])
        with cython.critical_section(self.input):
            self.input.sending += 1
        with nogil:
            r = core.pd_exchange_file(self.t, self.x, fd, offset, n)
        with cython.critical_section(self.input):
            self.input.sending -= 1
        self.judge(r)
        return 1

    cdef bint send_result(self, object result, dict file_maps) except -1:
        """Send what the application returned. `file_maps`: by the number of a listener's port; None: there are none.

        True: the request is to be suspended.
        """
        cdef bint plain = self.suspension is None  # else block by block: the first one must be that of its wait
        if plain and (type(result) is list or type(result) is tuple):
            self.send_sequence(result, len(result))
        elif plain and type(result) is FileWrapper and self.send_file(result, file_maps):
            pass
        elif self.send_iterable(result, self.window.length(result)):
            return True
        if self.x != NULL:
            self.finish(b"")
        return False

    cdef int send_sequence(self, object result, Py_ssize_t count) except -1:
        """Send a list or tuple: nothing of the application runs meanwhile."""
        if count == 0:
            self.announce(0)
        for block in result:
            if count == 1:
                if isinstance(block, bytes):
                    self.announce(<uint64_t>PyBytes_GET_SIZE(block))
                self.finish(block)
                return 0
            self.send(block)
            if self.progress != OPEN:
                break
        return 0

    cdef bint send_iterable(self, object result, Py_ssize_t count) except -1:
        """Send block by block; a `count` of less than 0 is unknown. True: the request is to be suspended."""
        if count == 0:
            self.announce(0)
        return self.send_blocks(self.window.iterate(result), count == 1)

    cdef bint send_blocks(self, object blocks, bint alone) except -1:
        """Send the rest of the blocks. True: the request is to be suspended."""
        cdef PyObject *found
        while True:
            found = self.window.step(blocks)
            if found == NULL:
                break
            block = <object>found
            Py_DECREF(block)
            if self.suspension is not None and self.suspension.pending:
                if not isinstance(block, bytes) or PyBytes_GET_SIZE(block):
                    raise RuntimeError(FDEVENT_NOT_EMPTY)
                self.suspension.pending = False
                self.suspension.blocks = blocks
                return True
            if alone:
                alone = False
                if isinstance(block, bytes):
                    self.announce(<uint64_t>PyBytes_GET_SIZE(block))
            self.send(block)
            if self.progress != OPEN:
                return False
        if self.suspension is not None and self.suspension.pending:
            raise RuntimeError(FDEVENT_KEPT)
        return False

    cdef void detach(self) noexcept:
        """From here on nobody finds the exchange; its end waits for those who did before."""
        self.x = NULL
        with cython.critical_section(self.input):
            self.input.x = NULL

    cdef bint refuse_body(self) noexcept:
        """Answer that the body broke off. False: it did not."""
        cdef core.pd_exchange *x = self.x
        cdef bint refused
        if x == NULL:
            return False
        self.detach()
        with nogil:
            refused = core.pd_exchange_refuse_body(self.t, x)
        if not refused:
            self.x = x  # for fail()
        return refused

    cdef void fail(self) noexcept:
        cdef core.pd_exchange *x = self.x
        if x != NULL:
            self.detach()
            with nogil:
                core.pd_exchange_fail(self.t, x)

    cdef void overload(self) noexcept:
        """As many requests are suspended as may be."""
        cdef core.pd_exchange *x = self.x
        self.detach()
        with nogil:
            core.pd_exchange_overload(self.t, x)


cdef PyMethodDef *WRITE = method_of(Exchange, "write")
cdef PyMethodDef *CLIENT_GONE = method_of(Exchange, "client_gone")
cdef PyMethodDef *EARLY_HINTS = method_of(Exchange, "early_hints")

# overdue.pxi - calls of the application that take too long, as the main thread sees them.

@cython.no_gc_clear
cdef class LateCalls:
    """The part of an engine by which threads get back what does not end by itself."""

    cdef core.pd_engine *engine
    cdef list windows  # those of all app threads; the engine's threads point at them
    cdef LastWords last_words

    def __cinit__(self):
        self.windows = []
        self.last_words = LastWords("", -1, 0, 1)

    def run_relief(self):
        """Be the thread that takes the loop when every other is busy; returns when the engine has stopped."""
        cdef LastWords last_words = self.last_words
        with nogil:
            if core.pd_engine_relief(self.engine):
                last_words.say_and_end(self.engine)

    def when_stuck(self, text, fd, number, status):
        """What run_relief() does when beat() is not called any more: say `text`, show all stacks, end the process.

        All of that goes to `fd`. `number` is a signal for which faulthandler shows the stacks of Python there, 0: none.
        """
        self.last_words = LastWords(text, fd, number, status)

    def beat(self):
        """Once a second from the first call on; else the process is taken for stuck (gil_timeout)."""
        core.pd_engine_beat(self.engine)

    @property
    def overdue(self):
        """Whether a request is past its time limit. To be asked when `overdue_fd` is readable."""
        cdef core.pd_overdue late
        return bool(core.pd_engine_overdue(self.engine, 0, &late))

    @property
    def overdue_fd(self):
        """Readable when a request has passed its time limit, until `overdue` is asked for."""
        return core.pd_engine_overdue_fd(self.engine)

    def interrupt_overdue(self, error, look, may_repeat):
        """Raise `error` in each thread that runs the application for a request past its time limit.

        Returns each such request with what `look(ident)` gave, unless it has been interrupted before: that happens
        only with `may_repeat`, and is not told again.
        """
        cdef core.pd_overdue late
        cdef size_t i = 0
        found = []
        while core.pd_engine_overdue(self.engine, i, &late):
            i += 1
            seen = (<Window>late.tag).interrupt(late.exchange_id, error, look, may_repeat)
            if seen:
                found.append((late.text.decode("ascii"), seen))
        return found

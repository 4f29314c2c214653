# errors.pxi - wsgi.errors.

# What could forge a line or steer a terminal is escaped; line feed and tab stay (reliability A34).
UNSAFE = {code: f"\\x{code:02x}" for code in [*range(9), 11, 12, *range(14, 32), *range(127, 160)]} | {13: "\\r"}


ERROR_LINE = 8192  # what has no end by then is passed on as it is


@cython.final
cdef class ErrorStream:
    """The error stream of the application (PEP 3333, "Input and Error Streams"): whole lines go to our messages.

    Takes any text, also lone surrogates. It never waits, has no descriptor to give away and cannot be closed.
    """

    cdef object say  # takes text; None once the thread has ended for which this was made
    cdef str kept    # the beginning of a line
    cdef bint is_open  # the beginning of this line has been passed on

    def __cinit__(self, say):
        self.say = say
        self.kept = ""
        self.is_open = False

    def write(self, text):
        """Write text; control characters other than line feed and tab are escaped."""
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes str, not {type(text).__name__}")
        text = text.translate(UNSAFE)
        with cython.critical_section(self):
            self.kept += text
        self.pass_on(False)

    def writelines(self, lines):
        """Write each text of an iterable."""
        for text in lines:
            self.write(text)

    def flush(self):
        """Pass on the beginning of a line, too."""
        self.pass_on(True)

    cdef object end_line(self):
        """At the end of a request: what follows is somebody else's."""
        if self.kept or self.is_open:
            self.write("\n")

    cdef object pass_on(self, bint all_of_it):
        cdef object text, say
        cdef bint goes_on = False
        with cython.critical_section(self):
            text = self.kept
            cut = len(text) if all_of_it or len(text) > ERROR_LINE else text.rfind("\n") + 1
            self.kept = text[cut:]
            say = self.say
            if cut:
                goes_on = self.is_open
                self.is_open = text[cut - 1] != "\n"
        if not cut:
            return
        if say is not None:
            say(text[:cut], goes_on)
            return
        try:
            sys.stderr.write(text[:cut].encode("utf-8", "backslashreplace").decode("utf-8"))
            sys.stderr.flush()
        except (AttributeError, OSError, ValueError):
            pass  # nobody reads the messages any more

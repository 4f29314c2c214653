# errors.pxi - wsgi.errors.

# What could forge a line or steer a terminal is escaped; line feed and tab stay (reliability A34).
UNSAFE = {code: f"\\x{code:02x}" for code in [*range(9), 11, 12, *range(14, 32), *range(127, 160)]} | {13: "\\r"}


@cython.final
cdef class ErrorStream:
    """The error stream of the application: text goes to standard error (PEP 3333, "Input and Error Streams").

    Takes any text, also lone surrogates. It has no descriptor to give away and cannot be closed.
    """

    def write(self, text):
        """Write text; control characters other than line feed and tab are escaped."""
        if not isinstance(text, str):
            raise TypeError(f"wsgi.errors takes str, not {type(text).__name__}")
        try:
            sys.stderr.write(text.translate(UNSAFE).encode("utf-8", "backslashreplace").decode("utf-8"))
        except (OSError, ValueError):
            pass  # nobody reads the messages any more

    def writelines(self, lines):
        """Write each text of an iterable."""
        for text in lines:
            self.write(text)

    def flush(self):
        """Pass on what is buffered."""
        try:
            sys.stderr.flush()
        except (OSError, ValueError):
            pass  # nobody reads the messages any more

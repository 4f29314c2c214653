"""What is kept in memory, and where the rest goes."""

from polydoor.settings.option import Count, Setting, Size, Value, Word

GROUP = "Memory and spill files"
KIB = 1024
MIB = 1024**2
GIB = 1024**3


class StackSize(Size):
    """The size of a thread's stack, or 0."""

    least = 256 * KIB  # below it, Python breaks before it notices that a recursion is too deep

    def parse(self, text: str) -> Value:
        """Take a size that a thread can have, or 0."""
        value = super().parse(text)
        if value and int(value) < self.least:
            raise ValueError(f"needs 0 or at least {self.show(self.least)}")
        return value


MEMORY = (
    Setting(
        "body_memory",
        Size(0, 64 * MIB),
        64 * KIB,
        "Of a request body; what is longer goes to a spill file.",
        group=GROUP,
    ),
    Setting(
        "response_memory",
        Size(16 * KIB, 64 * MIB),
        256 * KIB,
        "Of a response that the peer has not taken yet; what is longer goes to a spill file.",
        group=GROUP,
    ),
    Setting(
        "response_spill_limit",
        Size(0, 1024**5),
        1 * GIB,
        "Of the spill file of a response; only past it the application has to wait.",
        group=GROUP,
    ),
    Setting(
        "message_buffer",
        Size(16 * KIB, 1 * GIB),
        4 * MIB,
        "Of messages and wsgi.errors that nobody has read yet; further lines are dropped and counted.",
        group=GROUP,
    ),
    Setting(
        "message_burst",
        Count(0, 100_000),
        20,
        "Messages with the same code about refused requests and connections that are written at once; past them it is "
        "one a second, with the number of those left out. 0 writes all.",
        group=GROUP,
    ),
    Setting(
        "spill_dir",
        Word("DIR", empty="TMPDIR, /tmp or /dev/shm, whichever works"),
        "",
        "Where spill files are made; they have no name there.",
        group=GROUP,
    ),
    Setting(
        "thread_stack",
        StackSize(0, GIB),
        0,
        "Of the stack of each thread that runs the application; 0 is what the system gives. Smaller ones help where "
        "memory is limited as it is asked for; with 512K a recursion may end the process on Python 3.12 and 3.13.",
        group=GROUP,
    ),
)

"""What is kept in memory, and where the rest goes."""

from polydoor.settings.option import Count, Setting, Size, Word

GROUP = "Memory and spill files"
KIB = 1024
MIB = 1024**2
GIB = 1024**3

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
)

"""How long a peer may take. Each clock has its own name; none is simply called timeout."""

from polydoor.settings.option import Count, Seconds, Setting

GROUP = "Timeouts"
HOUR = 3_600_000
DAY = 24 * HOUR

TIMEOUTS = (
    Setting(
        "head_timeout",
        Seconds(100, HOUR),
        10_000,
        "From the first byte of a request, or from the accept, to the end of its head (408).",
        group=GROUP,
    ),
    Setting(
        "body_timeout",
        Seconds(100, HOUR),
        30_000,
        "For a request body; every 500 bytes that arrive add a second (408).",
        group=GROUP,
    ),
    Setting(
        "idle_timeout",
        Seconds(0, DAY),
        75_000,
        "A connection that is kept open between requests; 0 closes it after each one.",
        group=GROUP,
    ),
    Setting(
        "write_timeout",
        Seconds(100, HOUR),
        60_000,
        "Without the peer taking a further byte of a response.",
        group=GROUP,
    ),
    Setting(
        "queue_timeout",
        Seconds(100, HOUR),
        30_000,
        "A complete request waiting for a thread; then it is answered 503. With forwarded=start behind an address, the "
        "time since X-Request-Start counts, too.",
        group=GROUP,
    ),
    Setting(
        "queue_timeout_status",
        Count(503, 504),
        503,
        "What a request that has waited for --queue-timeout is answered: 503 with Retry-After, or 504.",
        group=GROUP,
    ),
    Setting(
        "request_timeout",
        Seconds(0, DAY),
        300_000,
        "An app call that gives nothing for so long is answered 504 and interrupted, and the process ends with status "
        "5 behind its other requests; 0 never. Waiting for the peer does not count.",
        group=GROUP,
    ),
    Setting(
        "gil_timeout",
        Seconds(0, HOUR),
        8_000,
        "Something holds the interpreter's lock for so long: all stacks are logged, and the process ends with status "
        "6; 0 never, else 3 s at least.",
        group=GROUP,
    ),
    Setting(
        "linger_timeout",
        Seconds(0, 60_000),
        5_000,
        "Reading on after an early answer, so that the peer gets to see it.",
        group=GROUP,
    ),
    Setting(
        "stop_delay",
        Seconds(0, HOUR),
        0,
        "After SIGTERM: serving on for so long before the drain, while health checks say that it is not ready and each "
        "response is the last of its connection, so that load balancers take notice.",
        group=GROUP,
    ),
    Setting(
        "drain_timeout",
        Seconds(0, DAY),
        30_000,
        "After SIGTERM: finishing what was accepted; then the rest is cut, and the process ends within a second.",
        group=GROUP,
    ),
    Setting(
        "idle_stop",
        Seconds(0, DAY),
        0,
        "Without a request for so long, the server ends with status 0; 0 never. For sockets that systemd keeps open. "
        "With --workers 0:MAX only the last worker ends, and the next request starts one.",
        group=GROUP,
    ),
    Setting(
        "boot_timeout",
        Seconds(100, HOUR),
        60_000,
        "A worker loading the application; then it is given up. Only with --workers.",
        group=GROUP,
    ),
)

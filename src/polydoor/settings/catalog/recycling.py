"""How much a worker may take until another one follows it."""

from polydoor.settings.option import Count, Seconds, Setting, Size

GROUP = "Limits of a worker"
DAY = 86_400_000

RECYCLING = (
    Setting(
        "max_requests",
        Count(0, 1_000_000_000),
        0,
        "A worker that has served so many requests is replaced; 0 never. This and what follows are only for workers, "
        "and looked at twice a second.",
        group=GROUP,
        reloadable=True,
    ),
    Setting(
        "max_requests_jitter",
        Count(0, 1_000_000_000),
        0,
        "... or up to so many more, for each worker by chance.",
        group=GROUP,
        reloadable=True,
    ),
    Setting(
        "max_lifetime",
        Seconds(0, 365 * DAY),
        0,
        "A worker that has served for so long, or up to a tenth less by chance, is replaced; 0 never.",
        group=GROUP,
        reloadable=True,
    ),
    Setting(
        "max_memory",
        Size(0, 1024**5),
        0,
        "A worker with so much memory, of what several share its part, is replaced, unless it has that from the "
        "start; 0 never.",
        group=GROUP,
        reloadable=True,
    ),
    Setting(
        "max_cpu",
        Seconds(0, 365 * DAY),
        0,
        "A worker that has used so much time of processors since it was ready is replaced; 0 never.",
        group=GROUP,
        reloadable=True,
    ),
)

"""Cases with more around the servers: Django sites, Apache and lighttpd in front, and uploads."""

import causes
from case import APPS, Case, Entry, Target, at_least, at_most, others

DOORS = ("http", "fastcgi", "scgi", "ajp", "uwsgi")
IN_FRONT = "Apache has the server's core, too; its processor time counts, and `own` is what the server had of it."
MB_100, GB_1 = 100 * 10**6, 10**9

SITES = (
    Entry("polydoor", 4, has_threads=True, workers=2),
    *(
        Entry(kind, threads, has_threads=True, workers=2)
        for kind in ("gunicorn", "uwsgi", "granian", "mod_wsgi-daemon")
        for threads in (4, 1)
    ),
    *(Entry(kind, 4, has_threads=True) for kind in ("waitress", "cheroot")),
    *(Entry(kind, workers=2) for kind in ("fastpysgi", "fastpysgi-closing", "bjoern")),
)
UNCLOSED = (
    "FastPySGI never calls the close() of a response, which PEP 3333 wants and in which Django ends a request: some 13 "
    "of the 60 µs that the application takes alone. `made to close` has an application that calls it."
)
DJANGO = (
    Case(
        key="django-one",
        title="A Django view that says hello, one process, HTTP/1.1 keep-alive",
        entries=(
            Entry("polydoor", 1, has_threads=True),
            Entry("polydoor", 5, has_threads=True),
            *(Entry(kind) for kind in ("fastpysgi", "fastpysgi-closing", "bjoern", "granian", "uwsgi", "waitress")),
            *(Entry(kind) for kind in ("gunicorn", "cheroot")),
            Entry("mod_wsgi-daemon"),
            Entry("call"),
        ),
        references=("fastpysgi-closing", "call"),
        targets=(),
        app="django_hello",
        notes=(UNCLOSED,),
    ),
    *(
        Case(
            key=key,
            title=f"{what}, two processes with both cores, which the load shares, HTTP/1.1 keep-alive",
            entries=SITES,
            references=("gunicorn-w2-t4", "bjoern-w2"),
            targets=tuple(Target(SITES[0].key, entry.key, goal=at_least(0.98)) for entry in SITES[1:]),
            app=app,
            is_throughput=True,
            is_wide=True,
            notes=(
                "waitress and cheroot have one process; FastPySGI and bjoern have two without threads.",
                UNCLOSED,
                causes.BATCHES,
            ),
        )
        for key, app, what in (
            ("django", "django_hello", "A Django view that says hello"),
            ("django-table", "django_table", "A Django template with a table of 50 rows"),
        )
    ),
)
BEHIND_APACHE = Case(
    key="ajp",
    title="AJP behind Apache with kept connections, beside mod_wsgi in the same Apache, hello world",
    entries=(
        Entry("polydoor", door="ajp"),
        Entry("polydoor", 5, door="ajp", has_threads=True),
        Entry("mod_wsgi-daemon"),
        Entry("mod_wsgi-daemon", 5, has_threads=True),
        Entry("mod_wsgi"),
        Entry("floor", door="ajp"),
        *others(Entry("polydoor", door="ajp"), Entry("mod_wsgi-daemon")),
    ),
    references=("mod_wsgi-daemon", "floor-ajp"),
    targets=(
        Target("polydoor-ajp", "mod_wsgi-daemon", goal=at_least(2.00)),
        Target("polydoor-ajp", "mod_wsgi-daemon", goal=at_most(0.40), cost="all"),
        Target("polydoor-ajp", "floor-ajp", goal=at_most(2.00), cost="own"),
    ),
    behind_apache="event",
    is_throughput=True,
    notes=(IN_FRONT, causes.APACHE),
)


def upload(
    key: str, what: str, size: int, count: int, entries: tuple[Entry, ...], targets: tuple[Target, ...] = ()
) -> Case:
    """Bodies of one size, one after the other."""
    return Case(
        key=key,
        title=f"Uploads of {what}, one connection",
        entries=entries,
        references=("sink",),
        targets=targets,
        most_rounds=99 if targets else 3,
        app="upload",
        is_throughput=True,
        connections=1,
        count=count,
        upload_size=size,
        notes=(
            "The application reads the body and says how long it was. Polydoor has it in a file before, as the C sink "
            "writes it into one; the others pass it on as it comes.",
            "uWSGI closes the connection after each response, over FastCGI too; so the load opens one per upload.",
            "flup over AJP is left out: it took 6 s for each megabyte.",
            causes.READ_BACK,
        ),
    )


UPLOADS = (
    upload(
        "upload",
        "100 MB",
        MB_100,
        8,
        (
            *(Entry("polydoor", door=door) for door in DOORS),
            *(Entry("sink", door=door) for door in DOORS),
            *(Entry("uwsgi", door=door, closes=door == "fastcgi") for door in ("http", "fastcgi", "scgi", "uwsgi")),
            Entry("mod_wsgi"),
            Entry("mod_wsgi-daemon"),
            *(Entry("flup", door=door) for door in ("fastcgi", "scgi")),
        ),
        tuple(
            Target(Entry("polydoor", door=door).key, Entry("sink", door=door).key, goal=at_least(0.80))
            for door in DOORS
        ),
    ),
    upload(
        "upload-1g",
        "1 GB",
        GB_1,
        1,
        (
            *(Entry(kind, door=door) for kind in ("polydoor", "sink") for door in DOORS),
            Entry("uwsgi", door="scgi"),
            Entry("mod_wsgi-daemon"),
        ),
    ),
)
COMPUTE = Case(
    key="compute",
    title="An application that computes, AJP and SCGI behind Apache, both cores, which the load shares",
    entries=tuple(
        entry
        for door in ("ajp", "scgi")
        for entry in (
            Entry("polydoor", 4, door=door, has_threads=True),
            Entry("polydoor", 2, door=door, has_threads=True, workers=2),
            Entry("polydoor-preload", 1, door=door, has_threads=True, workers=4),
            Entry("flup", door=door),
            Entry("flup-fork", door=door, workers=4),
        )
    ),
    references=("polydoor-ajp-t4",),
    targets=(),
    most_rounds=3,
    app="compute",
    behind_apache="event",
    is_throughput=True,
    is_wide=True,
    notes=(
        IN_FRONT,
        "Threads in one process (-t 4), two processes with two threads each (-w 2), and four that have the application "
        "from one that imported it (--preload). What threads gain without the GIL tells "
        "`make bench PYTHON=PATH ARGS='--only compute'` with a free-threaded Python.",
    ),
)
PREFORK = tuple(
    Case(
        key=f"prefork-{children}",
        title=f"Apache with {children} prefork children, ten clients, a connection per request, hello world",
        entries=(
            *(Entry("polydoor", 5, door=door, has_threads=True, workers=2) for door in DOORS),
            Entry("mod_wsgi-daemon", 5, has_threads=True, workers=2),
            Entry("uwsgi", 5, door="uwsgi", has_threads=True, workers=2),
            Entry("flup-limited", 5, door="fastcgi", has_threads=True),
            Entry("flup", door="fastcgi"),
            Entry("mod_php"),
            *others(
                Entry("polydoor", 5, door="ajp", has_threads=True, workers=2),
                Entry("mod_wsgi-daemon", 5, has_threads=True, workers=2),
            ),
        ),
        references=("mod_wsgi-daemon-w2-t5",),
        targets=(),
        most_rounds=3,
        behind_apache="prefork",
        children=children,
        is_closing=True,
        is_lossy=True,
        is_throughput=True,
        is_wide=True,
        connections=10,
        notes=(
            IN_FRONT,
            "Two processes of five threads, but for flup, which has one: limited to five threads, and without a limit. "
            "`lost` counts requests without a right response, over all rounds.",
        ),
    )
    for children in (5, 30, 100)
)
TRANSPORT = Case(
    key="transport",
    title="Every door and CGI behind lighttpd, hello world: what the transport alone costs",
    entries=(
        *(Entry("polydoor", door=door) for door in DOORS),
        Entry("cgi-stub"),
        Entry("cgi-c"),
        Entry("cgi-python"),
        Entry("cgi-polydoor"),
        *(Entry(kind, app=app) for app in APPS for kind in ("polydoor", "cgi-stub")),
    ),
    references=("polydoor", "cgi-c"),
    targets=(),
    most_rounds=3,
    is_behind_lighttpd=True,
    connections=1,
    notes=(
        "lighttpd has the server's core, too; its processor time and that of the programs it starts count, and `own` "
        "is what a lasting server had of it. It opens a connection to the server for each request.",
    ),
)
CASES = (*DJANGO, BEHIND_APACHE, *UPLOADS, COMPUTE, *PREFORK, TRANSPORT)

"""What is measured: each case with its servers, what they are compared with, and what is promised about Polydoor."""

import causes
import classics
from case import Case, Entry, Target, at_least, at_most, others
from servers import CALL

DIRECT = (
    Entry("polydoor", 1, has_threads=True),
    Entry("polydoor", 5, has_threads=True),
    Entry("polydoor", 1, has_threads=True, workers=1),
    Entry("fastpysgi"),
    Entry("bjoern"),
    Entry("granian"),
    Entry("uwsgi"),
    Entry("waitress"),
    Entry("gunicorn"),
    Entry("gunicorn-sync", closes=True),
    Entry("cheroot"),
    Entry("mod_wsgi"),
    Entry("mod_wsgi-daemon"),
    Entry("floor"),
)
LESS = ("gunicorn-sync", "cheroot", "mod_wsgi", "mod_wsgi-daemon")  # what the selection does without
UWSGI_CLOSES = "uWSGI's http-socket closes the connection after each response; so the load opens one per request there."
ONE_THREAD = (
    "One application thread in every server, but for Polydoor -t 5 and mod_wsgi embedded, which has Apache's 150."
)
LOG = "Polydoor writes its access log, as it is shipped, but where the table says otherwise; the others write none."
NO_SERVER = "The application alone is called in a loop: what every server of Python pays, and none can save."
FLUP = (
    "flup has as many threads as it wants. Its FastCGI is asked with a connection per request: of 16 kept ones that "
    "come at once, 10 were never answered, as its pool gives a thread that it counts as idle to several of them."
)
SUPERVISED = (
    "Polydoor with -w 1 has one worker below a supervisor, as each with -w 2 has; without -w it is one process."
)
FLUSHED = (
    "A ratio is given only for servers that are known to send each piece before they ask for the next. Without "
    "--tcp-nodelay uWSGI writes each, but the kernel keeps it until the piece before it is confirmed, and joins those "
    "that wait."
)
PHP = "php-fpm has 32 processes and answers without any Python: a yardstick."
BY_WRK = "The row that wrk asked checks our load generator: the server must cost the same."

BEST = "Of the two thread counts of a server, that counts with which it answers more."

THREADED = ("granian", "uwsgi", "waitress", "gunicorn", "mod_wsgi-daemon")
FIVE = (
    Entry("polydoor", 5, has_threads=True),
    Entry("polydoor", 5, has_threads=True, workers=1),
    *(Entry(kind, 5, has_threads=True) for kind in THREADED),
)
STREAMING = (
    Entry("polydoor", 1, has_threads=True),
    Entry("polydoor", 1, has_threads=True, workers=1),
    *(Entry(kind) for kind in ("fastpysgi", "bjoern", "granian", "uwsgi", "waitress", "gunicorn")),
)
PIECES = (*STREAMING, Entry("uwsgi-nodelay"))
FLUSHES = ("uwsgi-nodelay", "gunicorn")  # of which it is known that each piece is on its way before the next


def beside(door: str) -> tuple[Entry, ...]:
    """The rows of other applications in the table of a door."""
    return others(Entry("polydoor", door=door), Entry("uwsgi", door=door))


CASES = (
    Case(
        key="hello",
        title="HTTP/1.1 keep-alive, hello world",
        entries=(
            *DIRECT,
            Entry(CALL),
            Entry("polydoor-quiet"),
            Entry("polydoor", 1, has_threads=True, is_by_wrk=True),
        ),
        references=("fastpysgi", "uwsgi", "floor"),
        targets=(
            Target("polydoor-t1", "fastpysgi", at_most(1.15), at_most(0.95)),
            Target("polydoor-t5", "fastpysgi", at_most(1.15), at_most(0.95)),
            Target("polydoor-t1", "floor", goal=at_most(1.40)),
            Target("polydoor-t5", "floor", goal=at_most(1.40)),
        ),
        is_selected=True,
        aside=("polydoor-quiet", "polydoor-t1-wrk", *LESS),
        notes=(ONE_THREAD, SUPERVISED, UWSGI_CLOSES, LOG, NO_SERVER, BY_WRK, causes.APART),
    ),
    Case(
        key="headers",
        title="HTTP/1.1 keep-alive, hello world, 20 header fields as from a browser",
        entries=DIRECT,
        references=("fastpysgi", "uwsgi", "floor"),
        targets=(
            Target("polydoor-t1", "fastpysgi", goal=at_most(0.80)),
            Target("polydoor-t5", "fastpysgi", goal=at_most(0.80)),
            Target("polydoor-t1", "floor", goal=at_most(1.85)),
            Target("polydoor-t5", "floor", goal=at_most(1.85)),
        ),
        is_browser=True,
        notes=(ONE_THREAD, SUPERVISED, UWSGI_CLOSES),
    ),
    Case(
        key="fastcgi",
        title="FastCGI behind nginx with fastcgi_keep_conn, hello world",
        entries=(
            Entry("polydoor", door="fastcgi"),
            Entry("polydoor", door="fastcgi", workers=1),
            Entry("uwsgi", door="fastcgi"),
            Entry("php-fpm", door="fastcgi"),
            Entry("polydoor"),
            Entry("floor", door="fastcgi"),
            *beside("fastcgi"),
        ),
        references=("uwsgi-fastcgi", "polydoor", "floor-fastcgi"),
        targets=(
            Target("polydoor-fastcgi", "uwsgi-fastcgi", at_most(0.45), at_most(0.35)),
            Target("polydoor-fastcgi", "polydoor", goal=at_most(1.15)),
        ),
        is_behind_nginx=True,
        is_selected=True,
        aside=("php-fpm-fastcgi", "polydoor-fastcgi-w1", *(entry.key for entry in beside("fastcgi"))),
        notes=("uWSGI closes the connection after each response although nginx asks to keep it.", PHP, SUPERVISED),
    ),
    Case(
        key="scgi",
        title="SCGI behind nginx, a connection per request, hello world",
        entries=(
            Entry("polydoor", door="scgi"),
            Entry("polydoor", door="scgi", workers=1),
            Entry("polydoor-quiet", door="scgi"),
            Entry("uwsgi", door="scgi"),
            Entry("flup", door="scgi"),
            Entry("floor", door="scgi"),
            *beside("scgi"),
        ),
        references=("uwsgi-scgi", "floor-scgi"),
        targets=(
            Target("polydoor-scgi", "uwsgi-scgi", at_most(1.00), at_most(0.95)),
            Target("polydoor-scgi", "floor-scgi", goal=at_most(1.20)),
        ),
        is_behind_nginx=True,
        is_selected=True,
        aside=("polydoor-quiet-scgi", "flup-scgi", "polydoor-scgi-w1", *(entry.key for entry in beside("scgi"))),
        notes=(SUPERVISED, causes.EACH),
    ),
    Case(
        key="uwsgi",
        title="uwsgi behind nginx, a connection per request, hello world",
        entries=(
            Entry("polydoor", door="uwsgi"),
            Entry("polydoor", door="uwsgi", workers=1),
            Entry("uwsgi", door="uwsgi"),
            Entry("gunicorn", door="uwsgi"),
            Entry("floor", door="uwsgi"),
            *beside("uwsgi"),
        ),
        references=("uwsgi-uwsgi", "floor-uwsgi"),
        targets=(
            Target("polydoor-uwsgi", "uwsgi-uwsgi", goal=at_most(0.95)),
            Target("polydoor-uwsgi", "floor-uwsgi", goal=at_most(1.20)),
        ),
        is_behind_nginx=True,
        notes=(SUPERVISED, causes.EACH),
    ),
    Case(
        key="doors",
        title="Every protocol without a front end, hello world",
        entries=(
            Entry("polydoor"),
            Entry("polydoor", door="fastcgi"),
            Entry("polydoor", door="ajp"),
            Entry("polydoor", door="scgi"),
            Entry("polydoor", door="uwsgi"),
            Entry("uwsgi", door="fastcgi", closes=True),
            Entry("uwsgi", door="scgi"),
            Entry("uwsgi", door="uwsgi"),
            Entry("gunicorn", door="uwsgi"),
            Entry("flup", door="fastcgi", closes=True),
            Entry("flup", door="scgi"),
            *(Entry("floor", door=door) for door in ("http", "fastcgi", "ajp", "scgi", "uwsgi")),
            *beside("scgi"),
        ),
        references=("polydoor", "uwsgi-scgi"),
        targets=(Target("polydoor-ajp", "polydoor", goal=at_most(1.40)),),
        is_on_sockets=True,
        notes=(
            "HTTP, FastCGI and AJP keep their connections but for uWSGI's; SCGI and uwsgi open one per request.",
            FLUP,
        ),
    ),
    Case(
        key="wait",
        title="An application that waits 0.5 ms, HTTP/1.1 keep-alive",
        entries=(
            Entry("polydoor", 1, has_threads=True),
            Entry("polydoor", 5, has_threads=True),
            Entry("polydoor", 5, has_threads=True, workers=1),
            Entry("granian", 5, has_threads=True),
            Entry("uwsgi", 5, has_threads=True),
            Entry("waitress", 5, has_threads=True),
            Entry("gunicorn", 5, has_threads=True),
            Entry("cheroot", 5, has_threads=True),
            Entry("mod_wsgi-daemon", 5, has_threads=True),
        ),
        references=("polydoor-t1", "gunicorn-t5"),
        targets=(
            Target("polydoor-t5", "polydoor-t1", at_least(0.85), factor=5),
            Target("polydoor-t5", "gunicorn-t5", at_least(1.00)),
            Target("polydoor-t5", "granian-t5", goal=at_least(1.00)),
            Target("polydoor-t5", "uwsgi-t5", goal=at_least(1.00)),
            Target("polydoor-t5", "waitress-t5", goal=at_least(1.00)),
        ),
        app="wait",
        is_throughput=True,
        is_selected=True,
        aside=("polydoor-w1-t5", "cheroot-t5", "mod_wsgi-daemon-t5"),
        notes=(SUPERVISED, UWSGI_CLOSES, causes.ASLEEP),
    ),
    *(
        Case(
            key=key,
            title=f"An application that {what}, HTTP/1.1 keep-alive, 64 connections",
            entries=FIVE,
            references=("gunicorn-t5", "granian-t5"),
            targets=tuple(
                target
                for entry in FIVE[2:]
                for target in (
                    Target("polydoor-t5", entry.key, goal=at_least(0.98)),
                    Target("polydoor-t5", entry.key, goal=at_most(1.10), percentile="p99"),
                )
            ),
            app=app,
            is_throughput=True,
            connections=64,
            notes=(SUPERVISED, UWSGI_CLOSES, causes.ASLEEP),
        )
        for key, app, what in (
            ("wait64", "wait", "waits 0.5 ms"),
            ("rare", "rare", "waits 0.5 ms, and 5 ms in one of ten requests"),
        )
    ),
    *(
        Case(
            key=f"best-{app}",
            title=f"An application that {what}, every server at its best thread count, 64 connections",
            entries=tuple(
                Entry(kind, threads, has_threads=True) for kind in ("polydoor", *THREADED) for threads in (16, 64)
            ),
            references=("gunicorn-t64", "granian-t64"),
            targets=tuple(
                target
                for kind in THREADED
                for target in (
                    Target("polydoor", kind, goal=at_least(1.10), is_best=True),
                    Target("polydoor", kind, goal=at_most(1.10), percentile="p99", is_best=True),
                )
            ),
            app=app,
            is_throughput=True,
            connections=64,
            notes=(UWSGI_CLOSES, BEST),
        )
        for app, what in (("wait", "waits 0.5 ms"), ("rare", "waits 0.5 ms, and 5 ms in one of ten requests"))
    ),
    Case(
        key="large",
        title="1 MB from memory, HTTP/1.1 keep-alive",
        entries=STREAMING,
        references=("fastpysgi",),
        targets=tuple(Target("polydoor-t1", entry.key, goal=at_least(0.98)) for entry in STREAMING[2:]),
        app="large",
        is_throughput=True,
        notes=(ONE_THREAD, SUPERVISED, UWSGI_CLOSES, causes.COPIES),
    ),
    Case(
        key="yields",
        title="A response of 10 000 pieces of 8 bytes, HTTP/1.1 keep-alive",
        entries=PIECES,
        references=("waitress",),
        targets=tuple(Target("polydoor-t1", kind, goal=at_least(0.98)) for kind in FLUSHES),
        app="yields",
        is_throughput=True,
        notes=(ONE_THREAD, SUPERVISED, UWSGI_CLOSES, FLUSHED),
    ),
    Case(
        key="download",
        title="A file of 1 GB by wsgi.file_wrapper, one connection",
        entries=(
            Entry("polydoor", 1, has_threads=True),
            Entry("polydoor", 1, has_threads=True, workers=1),
            Entry("uwsgi"),
            Entry("gunicorn"),
            Entry("nginx"),
        ),
        references=("nginx",),
        targets=(Target("polydoor-t1", "nginx", goal=at_least(0.95)),),
        app="download",
        is_throughput=True,
        connections=1,
        count=5,
        file_size=10**9,
        notes=("The file has holes, so that no disk is read.", SUPERVISED),
    ),
    Case(
        key="scale",
        title="One and two processes with both cores, which the load shares, HTTP/1.1 keep-alive",
        entries=(
            *(Entry("polydoor", workers=workers) for workers in (1, 2)),
            *(Entry("granian", workers=workers) for workers in (1, 2)),
            *(Entry("floor", workers=workers) for workers in (1, 2)),
        ),
        references=("polydoor-w1", "floor-w1"),
        targets=(Target("polydoor-w2", "floor-w2", goal=at_least(0.95), is_scaling=True),),
        is_throughput=True,
        is_wide=True,
        notes=(causes.SHARED,),
    ),
    *classics.CASES,
)

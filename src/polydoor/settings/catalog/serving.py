"""What is served, where, and by how many threads."""

from polydoor.settings.option import Choice, Count, Flag, Seconds, Setting, Word
from polydoor.settings.words import Secret, UrlPath, Variable, Workers

GROUP = "Serving"
DAY = 24 * 3_600_000

SERVING = (
    Setting(
        "app",
        Word("APP", empty="none"),
        "",
        "The application: module, module:attr, module:factory(), path/file.py or path/file.py:attr. "
        "Without attr it is `application`, else `app`.",
        group=GROUP,
    ),
    Setting(
        "factory",
        Flag(),
        0,
        "APP names a function that makes the application, as module:factory() does too.",
        group=GROUP,
        also={"--call": None},
    ),
    Setting(
        "bind",
        Word("ADDRESS"),
        ("http://127.0.0.1:8000",),
        "Where to listen; may stand several times. http://HOST:PORT, fastcgi://HOST:PORT, scgi://HOST:PORT, "
        "uwsgi://HOST:PORT, ajp://HOST:PORT, http+unix:PATH (also fastcgi, scgi, uwsgi, ajp), auto://HOST:PORT, which "
        "finds the protocol out, fd://N, fd://NAME; HOST:PORT and unix:PATH mean HTTP.",
        group=GROUP,
        reloadable=False,
        short="-b",
        repeat=True,
    ),
    Setting(
        "host",
        Word("HOST"),
        "",
        "HTTP on this host, with --port or on port 8000; instead of --bind.",
        group=GROUP,
        reloadable=False,
        part_of="bind",
    ),
    Setting(
        "port",
        Count(0, 65535),
        "",
        "HTTP on this port, with --host or on 127.0.0.1; instead of --bind.",
        group=GROUP,
        reloadable=False,
        part_of="bind",
    ),
    Setting(
        "uds",
        Word("PATH"),
        "",
        "HTTP on this Unix socket; instead of --bind.",
        group=GROUP,
        part_of="bind",
        reloadable=False,
    ),
    Setting(
        "fd",
        Count(0, 1_000_000),
        "",
        "HTTP on a listening socket that was inherited; instead of --bind.",
        group=GROUP,
        reloadable=False,
        part_of="bind",
    ),
    Setting(
        "dev",
        Flag(),
        0,
        "For development: answer an error of the application with its traceback and the environ. Only on loopback "
        "addresses and Unix sockets.",
        group=GROUP,
    ),
    Setting(
        "wsgi_environ",
        Variable(),
        (),
        "A variable for each environ, such as SHOP_NAME=Corner; may stand several times. What the request says wins.",
        group=GROUP,
        repeat=True,
        secret=True,
    ),
    Setting(
        "threads",
        Count(1, 512),
        4,
        "Threads that run the application: so many requests are worked on at once.",
        group=GROUP,
        short="-t",
    ),
    Setting(
        "workers",
        Workers(),
        "1",
        "Worker processes below a supervisor that replaces them: N, MIN:MAX by how busy they are (MIN may be 0 with "
        "--idle-stop), or auto, one for each processor.",
        group=GROUP,
        short="-w",
    ),
    Setting(
        "preload",
        Flag(),
        0,
        "With --workers: load the application once, in a process from which all workers are forked, so that they share "
        "its memory and start in milliseconds.",
        group=GROUP,
    ),
    Setting(
        "backlog",
        Count(1, 65535),
        2048,
        "Connections that wait in the kernel, for each address.",
        group=GROUP,
        reloadable=False,
    ),
    Setting(
        "max_connections",
        Count(1, 1_000_000),
        16384,
        "Open connections, idle ones included; never more than the process may have descriptors.",
        group=GROUP,
    ),
    Setting(
        "max_suspended",
        Count(1, 1_000_000),
        16384,
        "Requests that wait without a thread (x-wsgiorg.fdevent); one more is answered 503.",
        group=GROUP,
    ),
    Setting(
        "resume",
        Choice("home", "any"),
        "home",
        "Where a request goes on that has waited without a thread: home is the thread that began it.",
        group=GROUP,
    ),
    Setting(
        "queue_limit",
        Count(1, 1_000_000),
        1024,
        "Complete requests that wait for a thread; further ones are answered 503.",
        group=GROUP,
    ),
    Setting(
        "queue_order",
        Choice("oldest-first", "newest-first"),
        "oldest-first",
        "Which waiting request is served next. With newest-first a full queue refuses its oldest one.",
        group=GROUP,
    ),
    Setting(
        "retry_after",
        Seconds(0, DAY),
        0,
        "What Retry-After of a 503 says, in whole seconds; 0 estimates how long the queue takes, at least a second.",
        group=GROUP,
    ),
    Setting(
        "health",
        UrlPath("PATH", empty="none"),
        "",
        "Answer GET of this path, such as /-/health, and of /live and /ready below it, without the application: for "
        "the checks of a load balancer or of Kubernetes.",
        group=GROUP,
    ),
    Setting(
        "diagnostics",
        Secret(),
        "",
        "For `polydoor frontend test`: tell what arrives at MOUNT/.polydoor/TOKEN/. Best as env:NAME or file:PATH, for "
        "a command line is no place for secrets; take it out after the test.",
        group=GROUP,
        secret=True,
    ),
)

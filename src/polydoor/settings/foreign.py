"""Options of other servers that people type here, with what to do instead. Only loaded once an option is unknown.

These are options of the pages in docs/coming-from.
"""

from __future__ import annotations

from polydoor.settings.suggest import hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NAMED_APP = "Name the application without an option: polydoor shop:app"
WORKERS = "Use --workers, and --threads for how many requests each works on at once."
NO_TLS = "Polydoor has no TLS of its own: put a web server that does it before it."
IN_ADDRESS = "The protocol is part of the address:"

# What the server calls it, without the dashes; as a key of a file with underscores, too.
GUNICORN = {
    "k worker-class worker-connections": "There is one way of serving; --max-connections bounds connections.",
    "pythonpath": "Use --app-dir.",
    "keep-alive": "Use --idle-timeout.",
    "graceful-timeout": "Use --drain-timeout.",
    "timeout": "Use --request-timeout; it counts the time without output.",
    "limit-request-line": "Use --target-limit.",
    "limit-request-fields": "Use --field-limit.",
    "limit-request-field_size": "Use --head-limit, which is for all fields together.",
    "access-logfile access-logformat": "Use --access-log combined:FILE; short and json are the other formats.",
    "error-logfile": "Messages go to standard error.",
    "check-config": "Use `polydoor check`.",
    "print-config": "Use `polydoor config show`.",
    "certfile keyfile": NO_TLS,
    "reload-extra-file": "Use --reload-extra, which takes patterns, too.",
    "D daemon": "It stays in the foreground: let systemd, or what else starts services, put it into the background.",
    "forwarded-allow-ips": "Put ?trust-forwarded=127.0.0.1 behind the address.",
    "proxy-protocol": "Put ?proxy-protocol=on behind the address.",
}
UWSGI = {
    "module wsgi wsgi-file callable": NAMED_APP,
    "mount manage-script-name": "Put ?mount=/shop behind the address.",
    "socket uwsgi-socket": f"{IN_ADDRESS} -b uwsgi://127.0.0.1:3031 or -b uwsgi+unix:PATH",
    "http http-socket http11-socket": f"{IN_ADDRESS} -b http://127.0.0.1:8000",
    "fastcgi-socket": f"{IN_ADDRESS} -b fastcgi://127.0.0.1:9000 or -b fastcgi+unix:PATH",
    "scgi-socket": f"{IN_ADDRESS} -b scgi://127.0.0.1:4000 or -b scgi+unix:PATH",
    "chmod-socket": "Put ?mode=0660 behind the address of the Unix socket.",
    "processes cheaper lazy-apps": WORKERS,
    "enable-threads": "Threads are always on; --threads says how many.",
    "uid gid": "Use --user and --group.",
    "harakiri": "There is no limit for a running request yet; --queue-timeout bounds the wait before it.",
    "idle die-on-idle": "Use --idle-stop.",
    "reload-on-rss": "Use --max-memory, with --workers.",
    "py-autoreload": "Use --reload.",
    "limit-post": "Use --body-limit.",
    "buffer-size": "Use --head-limit.",
    "post-buffering": "Use --body-memory.",
    "http-timeout socket-timeout": "Use --head-timeout, --body-timeout and --write-timeout.",
    "http-keepalive": "Use --idle-timeout.",
    "worker-reload-mercy": "Use --drain-timeout.",
    "listen": "Use --backlog.",
    "pidfile safe-pidfile": "Use --pid.",
    "for-readline": "Use --env-file.",
    "ini": "Settings stand in polydoor.toml; --config names another file.",
    "virtualenv": "Run the `polydoor` of that environment.",
    "logto log-format": "Use --access-log combined:FILE; messages go to standard error.",
    "disable-logging": "Use --no-access-log.",
    "static-map": "Let the front end serve files.",
    "die-on-term need-app strict vacuum single-interpreter master": "Leave it out: it is always so.",
}
SERVERS = {"gunicorn": GUNICORN, "uWSGI": UWSGI}


def explain(name: str, known: Iterable[str]) -> str:
    """What to put behind "unknown option NAME": whose it is and what to do, else what is near, or nothing."""
    bare = name.lstrip("-")
    plain = bare.replace("_", "-")
    for server, rows in SERVERS.items():
        for words, advice in rows.items():
            if bare in words.split() or plain in words.split():
                return f", which is {server}'s\n{advice}"
    return hint(name, known)

"""What templates are filled with: facts of one listener and of the settings, as front ends count and write them."""

from __future__ import annotations

import os
import sys

from polydoor import __version__, codes
from polydoor.errors import ConfigError
from polydoor.frontend.address import Place, check_mount, check_name, check_plain
from polydoor.frontend.catalog import TITLES
from polydoor.settings.catalog import SETTINGS
from polydoor.settings.listener import BY_FOLDER, BY_URL, RAW_PATH, mask_address, parse_listener

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from polydoor.frontend.catalog import FrontEnd
    from polydoor.frontend.template import Fact
    from polydoor.settings.listener import ListenerSpec
    from polydoor.settings.load import Settings

KIB = 1024
SILENCE = 60  # seconds without a byte that a front end grants the application, on top of its time in the queue
CONNECT = 5
FORWARDED = "for,proto,host"  # what each template for HTTP sets
HTTP_PORT = "80"
LARGEST_PACKET = 65536  # of AJP13
TOLD_HERE = ("--", "POLYDOOR_", "WEB_")  # how the origin of an option or a variable begins; a file is found again
NOT_REPEATED = ("app", "bind", "config", "factory")  # each is written by itself
SAFE_IN_SHELL = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")


def common_facts(settings: Settings, wishes: Mapping[str, str]) -> dict[str, Fact]:
    """What does not depend on a listener. `wishes` are the options of the command."""
    app = settings.app() or "APP"
    name = wishes["name"] or _name_of(app)
    host, _, port = (wishes["listen"] or ":" + HTTP_PORT).rpartition(":")
    return {
        "app": app,
        "name": check_name(name),
        "version": __version__,
        "server_name": check_plain("the server name", wishes["server_name"].removesuffix(".")),  # Caddy takes no dot
        "listen_host": host,
        "listen_port": port,
        "listens_elsewhere": (host, port) != ("", HTTP_PORT),
        **_limits(settings),
        **_times(settings),
    }


def listener_facts(
    front_end: FrontEnd, text: str, protocol: str, settings: Settings, wishes: Mapping[str, str]
) -> dict[str, Fact]:
    """What depends on the listener whose address is `text`, and on what is spoken with it."""
    spec = parse_listener(text)
    proxied = bool(spec["proxy_protocol"])
    place = Place(parse_listener(wishes["connect"]) if wishes["connect"] else spec, text)
    if place.path and front_end.only_tcp:
        told = f"{front_end.title} reaches no Unix sockets, such as {mask_address(text)}\nAdd a listener with a port."
        raise ConfigError(told, code=codes.NOT_SPOKEN)
    mount = check_mount(str(spec["mount"]))
    secret = _secret_name(str(spec["secret"]))
    sent = sent_files(front_end, spec)
    packet = int(str(spec["packet"]))
    if protocol == "ajp" and "packet=" not in text:
        packet = min(max(packet, settings.number("head_limit")), LARGEST_PACKET)  # a head has to fit into one
    stamped = "start" in str(spec["forwarded"]).split(",")
    started = _started_with(front_end, text, protocol, place, packet, sent=bool(sent))
    return {
        **{name: name == protocol for name in TITLES},
        "protocol": protocol,
        "protocol_title": TITLES[protocol],
        "unix": bool(place.path),
        "path": place.path,
        "host": place.host,
        "port": str(place.port),
        "authority": "" if place.path else place.authority,
        "named": place.is_named,
        "place": place.path or place.authority,
        "gateway": {"http": "proxy", "uwsgi": "scgi", "ajp": "ajp13"}.get(protocol, protocol),  # what lighttpd calls it
        "match": "" if protocol == "ajp" else "/",  # behind a prefix, mod_ajp13 would pass on nothing else
        "proxied": proxied,
        "send_proxy": " send-proxy-v2" if proxied else "",  # what HAProxy calls it
        "mount": mount,
        "mount_path": mount or "/",
        "stream": bool(spec["stream"]),
        "stamped": stamped,
        "headers": " headers" if stamped else "",  # the module of Apache that sets a field
        "sent": sent,
        "sends_files": bool(sent),
        "secret": secret,
        "secret_reference": f"${{{secret}}}",
        "secret_word": f" secret=${{{secret}}}" if secret else "",
        "packet": str(packet),
        "start": start_command(settings, {text: started}),
        "start_changed": started != text,
    }


def sent_files(front_end: FrontEnd, spec: ListenerSpec) -> list[dict[str, str]]:
    """One item for each folder whose files the front end sends when the application chooses one."""
    words = spec["sendfile"]
    assert isinstance(words, list)
    pairs = [word.partition("=/") for word in words if word != "app"]
    form = {**dict.fromkeys(BY_URL, "/media/=/srv/media"), **dict.fromkeys(BY_FOLDER, "/srv/media")}
    wanted = form.get(front_end.profile, "")
    if spec["proxy_protocol"] and front_end.name == "nginx":
        wanted = ""  # its module stream passes bytes on
    for first, found, _ in pairs:
        if not wanted:
            told = f"{front_end.title} sends no files by itself, as sendfile={first} asks for\nLeave that out."
            raise ConfigError(told, code=codes.NOT_SPOKEN)
        if bool(found) != ("=" in wanted):
            told = f"{front_end.title} is told in another way which file it shall send\nWrite it as sendfile={wanted}."
            raise ConfigError(told, code=codes.NOT_SPOKEN)
    return [
        {
            "number": str(number),
            "url": f"{first}/",
            "prefix": first,
            "folder": check_plain("the folder", f"/{rest}" if found else first),
        }
        for number, (first, found, rest) in enumerate(pairs, 1)
    ]


def _started_with(front_end: FrontEnd, text: str, protocol: str, place: Place, packet: int, *, sent: bool) -> str:
    """The address of the listener with the options by which it knows who is in front of it."""
    spec = parse_listener(text)
    started = text
    if spec["profile"] != front_end.profile and (sent or protocol != "http"):
        started = with_option(started, "profile", front_end.profile)
    if protocol == "http" and not (spec["trust_forwarded"] or spec["proxy_protocol"]):
        fields = FORWARDED + ",start" * ("start" in str(spec["forwarded"]).split(","))
        started = with_option(with_option(started, "trust-forwarded", place.forwarder), "forwarded", fields)
    if protocol == "ajp" and packet != spec["packet"]:
        started = with_option(started, "packet", str(packet))
    if protocol == "ajp" and front_end.name == "lighttpd" and spec["lighttpd"] != RAW_PATH:
        started = with_option(started, "lighttpd", "raw")
    return started


def start_command(settings: Settings, instead: Mapping[str, str]) -> str:
    """The command that starts Polydoor for this configuration, as it would be typed."""
    words = ["polydoor", settings.app() or "APP"]
    if settings.is_said("config") and settings.text("config"):
        words += ["-c", settings.text("config")]
    for text in settings.texts("bind"):
        words += ["-b", instead.get(text, text)]  # of a secret, it says only where it is
    words += repeated_options(settings)
    return " ".join(map(shell_word, words))


def repeated_options(settings: Settings, *but: str) -> list[str]:
    """The options and variables that the printed text counts on: what is started has to be told of them, too."""
    words: list[str] = []
    for row in SETTINGS:
        is_own = row.name in {*NOT_REPEATED, *but} or bool(row.part_of)
        if is_own or row.secret or not settings.origin(row.name).startswith(TOLD_HERE):
            continue
        value = settings.value(row.name)
        for item in value if isinstance(value, tuple) else (value,):
            shown = item if isinstance(item, str) else row.kind.show(item).replace(" ", "")
            words.append(f"{row.option}={shown}")
    return words


def shell_word(text: str) -> str:
    """One word for a shell; shlex would do the same and load `re`."""
    return text if text and set(text) <= SAFE_IN_SHELL else "'" + text.replace("'", "'\"'\"'") + "'"


def with_option(text: str, name: str, value: str) -> str:
    """An address with one option set."""
    address, _, query = text.partition("?")
    pairs = [pair for pair in query.split("&") if pair and pair.partition("=")[0] != name]
    return f"{address}?{'&'.join([*pairs, f'{name}={value}'])}"


def _secret_name(source: str) -> str:
    """The variable in which a front end finds the secret of an AJP13 listener; empty without one."""
    where, _, name = source.partition(":")
    return check_plain("the name of the variable", name) if where == "env" else "AJP_SECRET" if source else ""


def static_facts(texts: tuple[str, ...]) -> list[dict[str, str]]:
    """One item for each folder that the front end serves by itself; both sides end in a slash."""
    items: list[dict[str, str]] = []
    for text in texts:
        url, _, folder = text.partition("=")
        full = os.path.abspath(folder)
        check_plain("the folder", full)
        prefix = url.rstrip("/")
        otherwise = "else " if items else ""  # in front of a condition that others stand before
        folder = full.rstrip("/") + "/"
        items.append({"url": prefix + "/", "prefix": prefix, "folder": folder, "otherwise": otherwise})
    return items


def program() -> list[str]:
    """How systemd starts this very installation."""
    beside = os.path.join(os.path.dirname(sys.executable), "polydoor")
    return [beside] if os.access(beside, os.X_OK) else [sys.executable, "-m", "polydoor"]


def _name_of(app: str) -> str:
    """A short name: of the module, or of the file, in letters that every configuration file takes."""
    source = app.partition(":")[0].rstrip("/").removesuffix(".py")
    last = source.rpartition("/")[2].partition(".")[0].lower()
    return "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in last).strip("-") or "app"


def _limits(settings: Settings) -> dict[str, Fact]:
    body = max(1, settings.number("body_limit"))  # 0 would mean "no limit" to most front ends
    head, target = settings.number("head_limit"), settings.number("target_limit")
    line = max(8, -(-max(target, head // 4) // KIB))
    return {
        "body_limit": str(body),
        "body_limit_kib": str(min(-(-body // KIB), 2**32 - 1)),
        "body_limit_short": _short(body),
        "head_limit": str(head),
        "head_limit_kib": str(-(-head // KIB)),
        "line_limit_kib": str(line),
        "line_limit": str(line * KIB),
        "field_limit": str(settings.number("field_limit")),
    }


def _times(settings: Settings) -> dict[str, Fact]:
    idle = settings.number("idle_timeout") // 1000
    queue = -(-settings.number("queue_timeout") // 1000)
    return {
        "kept": idle > 1,  # whether connections wait for a next request long enough to be used again
        "kept_for": str(max(1, idle * 4 // 5)),
        "idle_timeout": f"{settings.number('idle_timeout') / 1000:g}",
        "queue_timeout": str(queue),
        "silence": str(SILENCE),
        "read_timeout": str(queue + SILENCE),
        "longest_timeout": str(max(idle + CONNECT, queue + SILENCE)),
        "connect_timeout": str(CONNECT),
        "client_timeout": str(-(-max(settings.number("body_timeout"), settings.number("write_timeout")) // 1000)),
        "head_timeout": str(-(-settings.number("head_timeout") // 1000)),
    }


def _short(size: int) -> str:
    """A size with the letter k, m or g, if it is a whole number of them."""
    for letter, unit in (("g", KIB**3), ("m", KIB**2), ("k", KIB)):
        if size % unit == 0:
            return f"{size // unit}{letter}"
    return str(size)

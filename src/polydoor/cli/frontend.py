"""`polydoor frontend NAME [APP]`: print a front end's configuration for this application's listeners."""

from __future__ import annotations

from polydoor import codes
from polydoor.cli import trial
from polydoor.cli.command import Command
from polydoor.cli.output import put
from polydoor.errors import ConfigError
from polydoor.frontend.address import Connect, Listen, check_printable, is_plain
from polydoor.frontend.catalog import NAMES, TITLES
from polydoor.settings.option import Choice, Kind, Setting, Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.cli.arguments import Arguments
    from polydoor.frontend.catalog import FrontEnd
    from polydoor.settings.listener import ListenerSpec
    from polydoor.settings.load import Settings

GROUP = "Options"


class Static(Kind):
    """A URL path and the folder whose files the front end serves below it."""

    metavar = "/URL/=DIR"

    def parse(self, text: str) -> str:
        """Take a path of a URL, an equals sign and a folder."""
        url, _, folder = text.partition("=")
        if not folder or not url.strip("/") or not url.startswith("/") or not is_plain(url):
            raise ValueError("needs a path and a folder, such as /static/=/srv/shop/static")
        return text


FRONTEND = Command(
    "polydoor frontend NAME [APP] [options]",
    f"Prints the configuration of a front end for this application's listeners: {', '.join(NAMES)}.",
    more="Settings come from the same places as for `polydoor APP`. Print it again when addresses, limits or timeouts "
    "change.",
    own=(
        Setting(
            "protocol",
            Choice(*TITLES),
            "",
            "Which listener to use, where there are several; without it the one that suits the front end best.",
            group=GROUP,
        ),
        Setting("listen", Listen(), "", "Where the front end listens; without it on port 80.", group=GROUP),
        Setting("server_name", Word("NAME"), "example.org", "The name of the site.", group=GROUP),
        Setting(
            "static",
            Static(),
            (),
            "Files of this folder are served by the front end itself; may stand several times.",
            group=GROUP,
            repeat=True,
        ),
        Setting(
            "connect",
            Connect(),
            "",
            "Where the front end finds the listener, HOST:PORT or unix:PATH, if that is not its own address: on "
            "another machine, in a container, or with fd://.",
            group=GROUP,
        ),
        Setting(
            "script",
            Word("FILE"),
            "",
            "Where the program is saved that the front end starts, for mod_cgi, mod_fcgid and lighttpd_cgi; without it "
            "in /usr/lib/cgi-bin.",
            group=GROUP,
        ),
        Setting("name", Word("WORD"), "", "What the site is called in the configuration; else as APP.", group=GROUP),
    ),
)
ROWS = (FRONTEND, trial.TEST)
TEST = "test"  # behind `frontend`: no name of a front end


def main(argv: list[str]) -> int:
    """Print one configuration, or test a front end."""
    if argv[:1] == [TEST]:
        return trial.main(argv[1:])
    arguments = FRONTEND.parse(argv)
    if arguments is None:
        return 0

    from polydoor.frontend.catalog import find

    if not arguments.words:
        text = f"which front end? There are {', '.join(NAMES)}\nusage: {FRONTEND.usage}"
        raise ConfigError(text, code=codes.UNKNOWN_FRONT_END)
    front_end = find(arguments.words.pop(0))
    settings = FRONTEND.settings(arguments, needs_app=False)
    put(configuration(front_end, settings, arguments))
    return 0


def configuration(front_end: FrontEnd, settings: Settings, arguments: Arguments) -> str:
    """The whole text."""
    from polydoor.frontend import facts as gather
    from polydoor.frontend import started, systemd, templates
    from polydoor.frontend.template import render

    values = FRONTEND.own_values(arguments)
    wishes = {name: str(value) for name, value in values.items() if not isinstance(value, tuple)}
    folders = values["static"]
    assert isinstance(folders, tuple)
    facts = gather.common_facts(settings, wishes)
    facts |= {"static": gather.static_facts(tuple(map(str, folders))), "otherwise": "else " if folders else ""}
    template = front_end.template
    if front_end.speaks:
        address, protocol = choose(front_end, settings, wishes["protocol"])
        facts |= gather.listener_facts(front_end, address, protocol, settings, wishes)
        template = front_end.proxied[protocol] if facts["proxied"] else template
    elif front_end.program:
        facts |= started.facts(front_end, settings, wishes, str(facts["name"]))
    else:
        facts |= systemd.facts(settings, str(facts["name"]))
    check_printable(facts)
    return render(templates.read(template), facts)


def choose(front_end: FrontEnd, settings: Settings, wanted: str) -> tuple[str, str]:
    """The address of the listener to use, as the operator wrote it, and the protocol to speak with it."""
    if wanted:
        front_end.check(wanted)
    own: dict[str, str] = {}
    auto: dict[str, str] = {}
    refused: list[str] = []
    for text, spec in zip(settings.texts("bind"), settings.listeners(), strict=True):
        for protocol in spoken_by(spec):
            if spec["proxy_protocol"] and protocol not in front_end.proxied:
                refused += [protocol] if protocol in front_end.speaks else []
            else:
                (own if spec["protocol"] == protocol else auto).setdefault(protocol, text)
    found = auto | own
    for protocol in (wanted,) if wanted else front_end.speaks:
        if protocol in found:
            return found[protocol], protocol
        if wanted in refused:
            front_end.refuse_proxied(wanted)
    if wanted:
        text = f"no listener speaks {TITLES[wanted]}; there are {' '.join(settings.texts('bind'))}\nAdd one with -b."
        raise ConfigError(text, code=codes.NOT_SPOKEN)
    if refused:
        front_end.refuse_proxied(refused[0])
    front_end.check(next(iter(found)))
    raise AssertionError("a listener that it speaks would have been found")


def spoken_by(spec: ListenerSpec) -> tuple[str, ...]:
    """What a listener understands of anybody: all that it finds out, but AJP13 only with its secret."""
    if spec["protocol"] != "auto":
        return (str(spec["protocol"]),)
    if spec["proxy_protocol"]:  # the header names clients, to whom no gateway protocol is spoken
        return ("http",)
    return tuple(name for name in TITLES if name != "ajp" or spec["secret"])

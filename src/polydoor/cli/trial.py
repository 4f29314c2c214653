"""`polydoor frontend test URL`: go through a front end to the diagnostics behind it, and say what to change."""

from __future__ import annotations

from polydoor import codes
from polydoor.cli.command import Command
from polydoor.cli.output import put
from polydoor.errors import BootError, ConfigError
from polydoor.failures import clean
from polydoor.frontend.address import split_port
from polydoor.settings.listener import mask_address
from polydoor.settings.option import Choice, Flag, Kind, Seconds, Setting
from polydoor.settings.suggest import hint
from polydoor.settings.words import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.cli.arguments import Arguments
    from polydoor.frontend.trial.front import Front

GROUP = "Options"
FAILED = 1  # the exit status when something does not come through
FRONT_ENDS = ("nginx", "apache", "lighttpd", "haproxy", "caddy", "none")


class Place(Kind):
    """Where to connect."""

    metavar = "HOST:PORT"

    def parse(self, text: str) -> str:
        """Take a host, of which nothing is known yet, and a port."""
        host, number = split_port(text)
        if not host or not number:
            raise ValueError("needs HOST:PORT, such as 127.0.0.1:8080")
        return text


OWN = (
    Setting("token", Secret(), "", "The token of --diagnostics: env:NAME or file:PATH.", group=GROUP, secret=True),
    Setting("frontend", Choice(*FRONT_ENDS), "", "Which front end it is, where that cannot be seen.", group=GROUP),
    Setting("connect", Place(), "", "Connect there, and not to the host of the URL.", group=GROUP),
    Setting("insecure", Flag(), 0, "Take any certificate.", group=GROUP, short="-k"),
    Setting("timeout", Seconds(100, 3_600_000), 10_000, "Longest wait for an answer.", group=GROUP),
    Setting("json", Flag(), 0, "Print the result as JSON.", group=GROUP),
)
TEST = Command(
    "polydoor frontend test URL --token TOKEN [options]",
    "Goes through a running front end to the application behind it, and says what does not come through and which line "
    "of the front end's configuration to change.",
    more="The application is started with --diagnostics TOKEN. Exit status: 0 all comes through that can, 1 something "
    "does not, 2 usage, 3 no answer.",
    own=OWN,
    has_settings=False,
)


def main(argv: list[str]) -> int:
    """Test one URL."""
    arguments = TEST.parse(argv)
    if arguments is None:
        return 0
    values = _values(arguments)
    front = _front(_url(arguments), values)

    from polydoor.frontend.trial import checks, report

    _meet(front)
    verdicts = list(checks.run(front))
    put(report.as_json(front, verdicts) if values["json"] else clean(report.as_text(front, verdicts)))
    return FAILED if any(verdict.outcome == checks.FAILED for verdict in verdicts) else 0


def _values(arguments: Arguments) -> dict[str, int | str]:
    """The options, checked; those of other commands are none here."""
    known = [row.name for row in OWN]
    for name in arguments.options:
        if name not in known:
            option = "--" + name.replace("_", "-")
            told = f"unknown option {option}{hint(option, [row.option for row in OWN])}"
            raise ConfigError(told, code=codes.UNKNOWN_OPTION)
    return {name: value for name, value in TEST.own_values(arguments).items() if not isinstance(value, tuple)}


def _url(arguments: Arguments) -> str:
    if len(arguments.words) != 1:
        told = f"{'which URL?' if not arguments.words else 'one URL is tested at a time'}\nusage: {TEST.usage}"
        raise ConfigError(told)
    return arguments.words[0]


def _front(url: str, values: dict[str, int | str]) -> Front:
    from polydoor.frontend.trial.front import Front
    from polydoor.frontend.trial.http import Target
    from polydoor.settings.secret import read_secret

    if not values["token"]:
        told = "--token is missing: the one that Polydoor was started with, --diagnostics TOKEN"
        raise ConfigError(f"{told}\nusage: {TEST.usage}")
    token = read_secret(str(values["token"]), "--token")
    try:
        target = Target(
            url,
            connect=str(values["connect"]),
            patience=int(values["timeout"]) / 1000,
            insecure=bool(values["insecure"]),
        )
    except ValueError as error:
        raise ConfigError(f"bad URL {mask_address(url)!r}: {error}", code=codes.BAD_VALUE) from None
    return Front(target, token, name=str(values["frontend"]))


def _meet(front: Front) -> None:
    """Find the diagnostics, or say what stands in the way."""
    from polydoor.frontend.trial.front import NotFoundError
    from polydoor.frontend.trial.http import NoAnswerError

    host, port = front.target.place
    try:
        front.meet()
    except NotFoundError as error:
        raise BootError(front.masked(str(error)), code=codes.NO_DIAGNOSTICS) from None
    except (NoAnswerError, OSError) as error:
        if isinstance(error, TimeoutError):
            why = f"nothing came within {front.target.patience:g} s"
        else:
            why = getattr(error, "strerror", None) or str(error)
        told = f"no answer from {host}:{port}: {why}\nCheck that the front end runs and listens there"
        raise BootError(f"{told}, and that http and https are not mixed up.", code=codes.NO_ANSWER) from None

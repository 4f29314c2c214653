"""The command line up to the point where it would serve."""

import pytest

from polydoor import __version__
from polydoor.cli import arguments, main
from polydoor.cli.arguments import parse_arguments
from polydoor.errors import ConfigError
from polydoor.settings.option import Flag, Setting, Word


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in ("POLYDOOR_APP", "POLYDOOR_BIND", "POLYDOOR_THREADS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "argv",
    [
        ["-b", "h:1", "-t", "3", "shop:app"],
        ["shop:app", "-bh:1", "-t3"],
        ["--bind=h:1", "shop:app", "--threads", "3"],
        ["-b=h:1", "-t=3", "--", "shop:app"],
    ],
)
def test_options_are_read_wherever_they_stand(argv):
    found = parse_arguments(argv)
    assert found.options == {"bind": ["h:1"], "threads": ["3"]}
    assert found.words == ["shop:app"]


@pytest.fixture
def _options(monkeypatch):
    """A flag with a negation and a text with a spelling that stands for one of its values."""
    rows = [
        Setting("dev", Flag(), 0, "T.", group="G", short="-d", also={"--no-dev": "0", "--debug": None}),
        Setting("log", Word("FORM"), "short", "T.", group="G", also={"--no-log": "off", "--logging": None}),
    ]
    monkeypatch.setattr(arguments, "OPTIONS", arguments.spellings(rows))


@pytest.mark.usefixtures("_options")
@pytest.mark.parametrize(
    ("argv", "options"),
    [
        (["--dev", "shop"], {"dev": ["1"]}),
        (["-d", "shop"], {"dev": ["1"]}),
        (["--debug", "shop"], {"dev": ["1"]}),
        (["--dev=0", "shop"], {"dev": ["0"]}),
        (["--debug=off", "shop"], {"dev": ["off"]}),
        (["--no-dev", "shop"], {"dev": ["0"]}),
        (["--no-log", "shop"], {"log": ["off"]}),
        (["--logging", "json", "shop"], {"log": ["json"]}),
        (["shop", "--log=json", "--no-log"], {"log": ["json", "off"]}),
    ],
)
def test_options_that_stand_alone_and_other_spellings(argv, options):
    found = parse_arguments(argv)
    assert (found.options, found.words) == (options, ["shop"])


@pytest.mark.usefixtures("_options")
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--no-log=json"], "--no-log takes no value\nWrite --no-log, or --log=json."),
        (["--no-logs"], "unknown option --no-logs\nDid you mean --no-log?"),
        (["--logging"], "--logging needs a value: --logging FORM"),
    ],
)
def test_bad_spellings(argv, message):
    with pytest.raises(ConfigError) as caught:
        parse_arguments(argv)
    assert str(caught.value) == message


def test_repeated_options_are_kept_in_order():
    assert parse_arguments(["-b", "a:1", "--bind", "b:2"]).options == {"bind": ["a:1", "b:2"]}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--thread", "3"], "unknown option --thread\nDid you mean --threads?"),
        (["--timeout=3"], "unknown option --timeout"),
        (["-x"], "unknown option -x"),
        (["-b"], "-b needs a value: -b ADDRESS"),
        (["--threads"], "--threads needs a value: --threads N"),
        (["--app", "x"], "unknown option --app"),
    ],
)
def test_bad_options(argv, message):
    with pytest.raises(ConfigError) as caught:
        parse_arguments(argv)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("argv", [["--version"], ["-V"], ["run", "--version"], ["shop", "-V"]])
def test_version(argv, capsys):
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"polydoor {__version__} (")
    assert "GIL o" in out


@pytest.mark.parametrize("argv", [["--help"], ["-h"], ["run", "-h"], ["shop", "--help"]])
def test_help(argv, capsys):
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: polydoor APP ")
    assert "--drain-timeout SECONDS" in out


@pytest.mark.parametrize(
    ("argv", "block"),
    [
        (["shop", "--thread", "3"], "polydoor: PD0002: unknown option --thread\n  Did you mean --threads?\n"),
        (
            ["guestbook", "other"],
            "polydoor: PD0004: one application is served, but there are two: guestbook and other\n",
        ),
        ([], "polydoor: PD0004: no application is named\n  usage: polydoor APP [-b ADDRESS]... [-t N] [options]\n"),
        (
            ["shop", "-w", "0:2"],
            "polydoor: PD0009: --workers lets the last worker go, but nothing says when\n"
            "  Give --idle-stop a time, or begin with 1:.\n",
        ),
        (
            ["shop", "-b", "https://127.0.0.1:443"],
            "polydoor: PD0008: bad address 'https://127.0.0.1:443': Polydoor has no TLS of its own\n"
            "  Put a web server that does TLS before it, and write http:// here.\n",
        ),
    ],
)
def test_usage_error_is_one_block_and_status_2(argv, block, capsys):
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    rest = captured.err.removeprefix(block)
    assert (captured.err[: len(block)], rest in {"", "  `polydoor --help` lists all options.\n"}) == (block, True)

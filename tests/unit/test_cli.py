"""The command line up to the point where it would serve."""

import pytest

from polydoor import __version__
from polydoor.cli import main
from polydoor.cli.arguments import parse_arguments
from polydoor.errors import ConfigError


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
        (["shop", "--thread", "3"], "polydoor: unknown option --thread\n  Did you mean --threads?\n"),
        (["shop", "other"], "polydoor: one application is served, but there are two: shop and other\n"),
        ([], "polydoor: which application?\n  usage: polydoor APP [-b ADDRESS]... [-t N] [options]\n"),
        (
            ["shop", "-w", "2"],
            "polydoor: --workers can only be 1: this version serves with one process.\n"
            "  Use --threads to work on several requests at once.\n",
        ),
        (
            ["shop", "-b", "https://127.0.0.1:443"],
            "polydoor: bad address 'https://127.0.0.1:443': Polydoor has no TLS of its own.\n"
            "  Put a web server that does TLS before it and use http://\n",
        ),
    ],
)
def test_usage_error_is_one_block_and_status_2(argv, block, capsys):
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == block + "  `polydoor --help` lists all options.\n"

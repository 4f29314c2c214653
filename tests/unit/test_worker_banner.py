"""When the banner is coloured, and that nobody has to read what is said."""

import io
import sys

import pytest

from polydoor.worker import banner


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("environ", "stream", "colour"),
    [
        ({}, Terminal(), True),
        ({}, io.StringIO(), False),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"NO_COLOR": ""}, Terminal(), True),
        ({"TERM": "dumb"}, Terminal(), False),
        ({"FORCE_COLOR": "1"}, io.StringIO(), True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, Terminal(), False),
        ({}, None, False),
    ],
)
def test_colour_is_for_terminals(monkeypatch, environ, stream, colour):
    monkeypatch.setattr(sys, "stderr", stream)
    assert banner.wants_colour(environ) is colour


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_a_closed_error_stream_stops_nobody(monkeypatch, stream):
    if stream is not None:
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    banner.say("nobody hears this", code="PD0001")
    assert banner.wants_colour({}) is False


def test_names_do_not_steer_the_terminal(capsys):
    text = banner.banner("a\x1b[2J:app", ["http+unix:\x07"], threads=1, connections=1, config_file="\x9b.toml")
    banner.say("no \x1b[2J", "try \x07", code="PD0001")
    said = capsys.readouterr().err
    assert r"serving a\x1b[2J:app" in text
    assert r"  http+unix:\x07" in text
    assert r"configuration \x9b.toml" in text
    assert said == "polydoor: PD0001: no \\x1b[2J\n  try \\x07\n"

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

"""Kinds of values: what they take, what they refuse, how they show it."""

import pytest

from polydoor.settings.option import Choice, Count, Flag, Mode, Seconds, Size, Word
from polydoor.settings.words import UrlPath


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("10b", 10),
        ("65536", 65536),
        ("64K", 65536),
        ("64k", 65536),
        ("64KiB", 65536),
        ("64 kb", 65536),
        ("1.5M", 3 << 19),
        ("1G", 1 << 30),
        ("1.3G", 1395864371),  # and four tenths of a byte
        ("0.0001K", 0),
    ],
)
def test_size_takes(text, value):
    assert Size(0, 1 << 40).parse(text) == value


@pytest.mark.parametrize(
    "text", ["", "K", "-1", "+1", "1X", "0x10", "1e3", "1.", ".5", "1.2.3", "0.3", "²", "1_000", "9" * 5000]
)
def test_size_refuses(text):
    with pytest.raises(ValueError, match="needs a size from 0 bytes to 1 TiB"):
        Size(0, 1 << 40).parse(text)


@pytest.mark.parametrize(
    ("text", "value"), [("10", 10_000), ("0.5", 500), ("500ms", 500), ("2m", 120_000), ("1.5h", 5_400_000), ("0", 0)]
)
def test_seconds_takes(text, value):
    assert Seconds(0, 10_000_000).parse(text) == value


@pytest.mark.parametrize("text", ["0.0001", "-1", "1d", "inf", "nan", ""])
def test_seconds_refuses(text):
    with pytest.raises(ValueError, match="needs a time from 0 s to 10 s"):
        Seconds(0, 10_000).parse(text)


@pytest.mark.parametrize("text", ["0", "513", "1.5", "4K", "four", "-4", "٤"])
def test_count_refuses(text):
    with pytest.raises(ValueError, match="needs a whole number from 1 to 512"):
        Count(1, 512).parse(text)


def test_bounds_are_inside():
    assert (Count(1, 512).parse("1"), Count(1, 512).parse("512")) == (1, 512)


@pytest.mark.parametrize("kind_and_value", [(Size(0, 1 << 50), v) for v in (0, 1, 1023, 1024, 65536, 1 << 30, 3 << 40)])
def test_size_shows_what_it_takes(kind_and_value):
    kind, value = kind_and_value
    assert kind.parse(kind.show(value).replace("bytes", "b")) == value


@pytest.mark.parametrize("value", [0, 1, 500, 1000, 1500, 75_000])
def test_seconds_shows_what_it_takes(value):
    assert Seconds(0, 100_000).parse(Seconds(0, 1).show(value)) == value


def test_flag_choice_mode_and_word():
    assert (Flag().parse("on"), Flag().parse("0")) == (1, 0)
    assert Choice("drop", "serve").parse("serve") == "serve"
    assert (Mode().parse("660"), Mode().show(0o660)) == (0o660, "0660")
    assert Word("DIR", empty="none").show("") == "none"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Flag(), "2"),
        (Flag(), ""),
        (Choice("a", "b"), "c"),
        (Mode(), "999"),
        (Mode(), ""),
        (Mode(), "7777"),
        (Word("X"), ""),
    ],
)
def test_other_kinds_refuse(kind, text):
    with pytest.raises(ValueError, match="^needs "):
        kind.parse(text)


@pytest.mark.parametrize("text", ["/h", "/-/health", "/a//b", "/" + "a" * 99])
def test_url_path_takes(text):
    assert UrlPath("PATH").parse(text) == text


@pytest.mark.parametrize(
    "text", ["", "/", "h", "*", "/h/", "/h ", "/a b", "/h?", "/h#", "/%41", "/ä", "/h\n", "/h\x7f", "/" + "a" * 100]
)
def test_url_path_refuses(text):
    with pytest.raises(ValueError, match="needs a path such as /-/health"):
        UrlPath("PATH").parse(text)

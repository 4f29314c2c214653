"""Texts of exceptions that do not want to be shown."""

import pytest

from polydoor.failures import clean, text_of, traceback_text


def raised(error):
    try:
        raise error
    except BaseException as caught:
        return caught


def spoiled(*names, base=Exception):
    """An exception whose attributes of these names raise."""

    def refuse(*_unused):
        raise KeyboardInterrupt

    return type("Spoiled", (base,), {name: refuse if name == "__str__" else property(refuse) for name in names})()


class Nameless(type):
    def __getattribute__(cls, name):
        raise SystemExit


def test_a_traceback_is_what_python_shows():
    told = traceback_text(raised(ValueError("no")))
    assert told.startswith('Traceback (most recent call last):\n  File "')
    assert told.endswith("\nValueError: no")


@pytest.mark.parametrize("name", ["__traceback__", "__cause__", "__context__", "__notes__", "__str__"])
def test_an_exception_that_cannot_be_asked(name):
    told = traceback_text(raised(spoiled(name)))
    assert told.startswith("Traceback (most recent call last):\n")
    assert "in raised\n" in told
    assert "Spoiled" in told.splitlines()[-1]


def test_a_class_that_cannot_be_asked():
    told = traceback_text(raised(Nameless("Hidden", (Exception,), {})()))
    assert "in raised\n" in told
    assert told.endswith("\nHidden: cannot be shown, as that raises SystemExit")


def test_a_group_whose_member_cannot_be_asked():
    told = traceback_text(raised(ExceptionGroup("some", [ValueError("no"), spoiled("__traceback__")])))
    assert told.startswith("Traceback (most recent call last):\n")


def test_the_text_of_an_exception():
    assert text_of(ValueError("no\x1b[2J")) == r"no\x1b[2J"
    assert text_of(spoiled("__str__")) == "<Spoiled, whose str() raises KeyboardInterrupt>"


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("plain, h\u00e9 \u4e16\n\tnext", "plain, h\u00e9 \u4e16\n\tnext"),
        ("\x1b[31mred\x07\r", r"\x1b[31mred\x07\r"),
        ("\x9b2J \u202e \udc80", r"\x9b2J \u202e \udc80"),
    ],
)
def test_what_steers_a_terminal_is_escaped(text, cleaned):
    assert clean(text) == cleaned

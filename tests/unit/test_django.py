"""What the Django command and the backend of django-prodserver make of their arguments."""

import pytest

from polydoor.cli.arguments import parse_arguments
from polydoor.django import prodserver
from polydoor.django.management.commands import polydoor as command
from polydoor.errors import ConfigError

APP = "shop.wsgi:application"


@pytest.fixture(autouse=True)
def project(monkeypatch):
    """A project that names its application."""
    for module in (prodserver, command):
        monkeypatch.setattr(module, "application_name", lambda: APP)


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["8000", "-t", "2"], ["8000", "-t", "2"]),
        (["--settings", "shop.settings", "--threads=2", "-v", "3"], ["--threads=2"]),
        (["--settings=shop.settings", "--traceback", "--no-color", "-b", ":1", "--skip-checks"], ["-b", ":1"]),
        (["--pythonpath"], []),
    ],
)
def test_options_of_django_are_dropped(words, kept):
    assert command.without_django(words) == kept


@pytest.mark.parametrize(
    ("words", "addresses"),
    [
        ([], None),
        (["8001"], ["127.0.0.1:8001"]),
        (["0.0.0.0:8001", "-b", "scgi://127.0.0.1:4000"], ["scgi://127.0.0.1:4000", "0.0.0.0:8001"]),
        (["[::1]:8001"], ["[::1]:8001"]),
    ],
)
def test_a_word_is_an_address(words, addresses):
    arguments = parse_arguments(words)
    command.take_words(arguments)
    assert arguments.options.get("bind") == addresses
    assert arguments.words == [APP]


def test_two_words_are_refused():
    with pytest.raises(ConfigError, match="one address may stand without -b, but there are 8000 and 8001"):
        command.take_words(parse_arguments(["8000", "8001"]))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({}, []),
        ({"threads": 8, "bind": "127.0.0.1:8000"}, ["--threads=8", "--bind=127.0.0.1:8000"]),
        ({"bind": [":1", ":2"], "body_limit": "1G"}, ["--bind=:1", "--bind=:2", "--body-limit=1G"]),
        ({"factory": None, "flag": True, "other": False}, ["--factory", "--flag", "--other=0"]),
        ("-t2", ["-t2"]),
    ],
)
def test_args_of_prodserver_are_options(args, words):
    assert prodserver.PolydoorServer(BACKEND="", ARGS=args).prep_server_args() == ["run", *words, APP]

"""Options of other servers: each is on a page of docs/coming-from, and none is ours."""

from pathlib import Path

import pytest

from polydoor.cli.arguments import OPTIONS
from polydoor.settings.foreign import SERVERS, explain

PAGES = Path(__file__).parents[2] / "docs" / "coming-from"
NAMES = [(server, name) for server, rows in SERVERS.items() for words in rows for name in words.split()]


def option(name):
    return f"--{name}" if len(name) > 1 else f"-{name}"


@pytest.mark.parametrize(("server", "name"), NAMES)
def test_each_option_is_one_of_the_page_and_none_of_ours(server, name):
    written = option(name) if server == "gunicorn" else name
    assert f"`{written}`" in (PAGES / f"{server.lower()}.md").read_text(encoding="utf-8")
    assert option(name) not in OPTIONS
    assert explain(option(name), OPTIONS).startswith(f", which is {server}'s\n")


def test_advice_names_options_that_exist():
    words = (
        " ".join(advice for rows in SERVERS.values() for advice in rows.values()).replace(".", " ").replace(",", " ")
    )
    named = {word.rstrip(";:") for word in words.split() if word.startswith("--")}
    assert named
    assert named <= set(OPTIONS)


@pytest.mark.parametrize("name", ["--log-level", "--xyzzy", "--mercy", "--daemn", "-z"])
def test_what_is_near_nothing_gets_no_suggestion(name):
    assert explain(name, OPTIONS) == ""


@pytest.mark.parametrize(
    ("name", "meant"), [("--theads", "--threads"), ("--acces-log", "--access-log"), ("--bnd", "--bind")]
)
def test_what_is_misspelt_gets_one(name, meant):
    assert explain(name, OPTIONS) == f"\nDid you mean {meant}?"

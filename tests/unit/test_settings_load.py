"""The catalog as a whole, and how the sources are laid over one another."""

import re
from pathlib import Path

import pytest

from polydoor.errors import ConfigError
from polydoor.settings.catalog import BY_NAME, SETTINGS
from polydoor.settings.load import from_keywords, load
from polydoor.settings.show import COLUMN, options_help
from polydoor.settings.suggest import nearest

ROOT = Path(__file__).parents[2]


def test_names_and_spellings_are_unique():
    assert len(BY_NAME) == len(SETTINGS)
    written = [spelling for row in SETTINGS for spelling in (row.option, row.short, *row.also) if spelling]
    assert len(set(written)) == len(written)


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: row.name)
def test_row_is_complete(row):
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", row.name)
    assert row.text.endswith(".")
    assert row.group
    if isinstance(row.default, int):
        assert row.kind.parse(row.kind.show(row.default).replace("bytes", "b")) == row.default


def test_defaults_are_those_of_the_core():
    limits = (ROOT / "core" / "codec" / "limits.h").read_text(encoding="utf-8")
    found = re.search(r"PD_LIMITS_DEFAULT.*?\.head = (\d+), \.target = (\d+), \.fields = (\d+)", limits, re.DOTALL)
    ours = tuple(BY_NAME[name].default for name in ("head_limit", "target_limit", "field_limit"))
    assert tuple(map(int, found.groups())) == ours
    assert BY_NAME["field_limit"].kind.high == int(re.search(r"PD_FIELDS_MAX = (\d+)", limits)[1])


def test_default_is_used_where_nothing_is_said():
    settings = load({}, {})
    assert settings.number("idle_timeout") == 75_000
    assert settings.origin("idle_timeout") == "default"
    assert [spec["port"] for spec in settings.listeners()] == [8000]


def test_command_line_wins_over_environment():
    environ = {"POLYDOOR_THREADS": "7", "POLYDOOR_BACKLOG": "9", "PATH": "/bin"}
    settings = load(environ, {"threads": ["2", "3"]})
    assert (settings.number("threads"), settings.origin("threads")) == (3, "--threads")
    assert (settings.number("backlog"), settings.origin("backlog")) == (9, "POLYDOOR_BACKLOG")


def test_addresses_replace_those_of_a_lower_source():
    environ = {"POLYDOOR_BIND": "h:1, scgi://h:2"}
    assert [spec["port"] for spec in load(environ, {}).listeners()] == [1, 2]
    assert [spec["port"] for spec in load(environ, {"bind": ["h:3"]}).listeners()] == [3]


def test_engine_gets_plain_numbers_and_texts():
    values = load({}, {"body_limit": ["1M"], "app": ["shop"]}).engine()
    assert values["body_limit"] == 1 << 20
    assert values["drain_timeout"] == 30_000
    assert "bind" not in values
    assert {type(value) for value in values.values()} == {int, str}


@pytest.mark.parametrize(
    ("environ", "options", "message"),
    [
        (
            {"POLYDOOR_THREAD": "2"},
            {},
            "unknown variable POLYDOOR_THREAD in the environment\nDid you mean POLYDOOR_THREADS?",
        ),
        ({"POLYDOOR_threads": "2"}, {}, "in the environment\nDid you mean POLYDOOR_THREADS?"),
        ({}, {"chdir": ["/srv\0/x"]}, "--chdir needs text without NUL characters, not '/srv\\x00/x'"),
        ({"POLYDOOR_ENV_FILE": ""}, {}, "POLYDOOR_ENV_FILE needs a value that is not empty"),
        ({"POLYDOOR_WSGI_ENVIRON": " "}, {}, "POLYDOOR_WSGI_ENVIRON needs NAME=VALUE"),
        ({"POLYDOOR_THREADS": "many"}, {}, "POLYDOOR_THREADS needs a whole number from 1 to 512, not 'many'"),
        ({}, {"threads": ["0"]}, "--threads needs a whole number from 1 to 512, not '0'"),
        ({}, {"workers": ["0"]}, "--workers needs a number of workers from 1 to 512, MIN:MAX or auto, not '0'"),
        ({}, {"workers": ["3:2"]}, "--workers needs a number of workers"),
        ({}, {"workers": ["0:0"]}, "--workers needs a number of workers"),
        ({"POLYDOOR_WORKERS": "0:2"}, {}, "POLYDOOR_WORKERS lets the last worker go, but nothing says when"),
        ({}, {"max_memory": ["1G"]}, "Give --workers a number, which may be 1."),
        ({}, {"head_limit": ["4K"]}, "target limit is larger than the head limit"),
        ({}, {"bind": ["nothing"]}, "bad address 'nothing'"),
        ({}, {"app": [""]}, "APP needs a value that is not empty"),
        ({}, {"bind": ["h:1", "x", "h:2"]}, "bad address 'x'"),
        ({}, {"wsgi_environ": ["A=1", "B", "C=2"]}, "--wsgi-environ needs NAME=VALUE"),
        ({"POLYDOOR_BIND": ""}, {}, "POLYDOOR_BIND needs a value that is not empty"),
        ({}, {"app": ["shop"], "factory": ["1"]}, "--factory needs the name of the factory behind shop"),
    ],
)
def test_bad_settings(environ, options, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(environ, options)


@pytest.mark.parametrize(
    ("app", "factory", "name"),
    [
        ("shop:make", "1", "shop:make()"),
        ("shop:make()", "1", "shop:make()"),
        ("shop:make", "0", "shop:make"),
        ("site/shop.py:make", "1", "site/shop.py:make()"),
        ("shop:", "1", "shop:"),
    ],
)
def test_factory_is_called(app, factory, name):
    assert load({}, {"app": [app], "factory": [factory]}).app() == name


def test_keywords_have_the_types_of_python():
    settings = from_keywords(
        threads=3, body_limit="1M", idle_timeout=2.5, factory=True, bind=["h:1", "scgi://h:2"], wsgi_environ=("A=1",)
    )
    assert [settings.number(name) for name in ("threads", "body_limit", "idle_timeout")] == [3, 1 << 20, 2500]
    assert settings.flag("factory") is True
    assert [spec["port"] for spec in settings.listeners()] == [1, 2]
    assert settings.environ() == {"A": "1"}
    assert (settings.origin("threads"), settings.origin("backlog")) == ("threads", "default")
    assert [spec["path"] for spec in from_keywords(bind="unix:/x").listeners()] == ["/x"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"thread": 3}, "unknown setting thread\nDid you mean threads?"),
        ({"threads": "3"}, "threads needs a whole number, not '3'"),
        ({"threads": True}, "threads needs a whole number, not True"),
        ({"threads": 0}, "threads needs a whole number from 1 to 512, not '0'"),
        ({"body_limit": True}, "body_limit needs a size: a number or a string, not True"),
        ({"idle_timeout": float("nan")}, "idle_timeout needs a time from 0 s to 86400 s, not 'nan'"),
        ({"factory": 1}, "factory needs true or false, not 1"),
        ({"spill_dir": None}, "spill_dir needs a string, not None"),
        ({"bind": [8000]}, "bind needs a string, not [8000]"),
        ({"bind": []}, "bind names no address"),
    ],
)
def test_bad_keywords(values, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        from_keywords(**values)


def test_knobs_of_the_tests_are_not_settings():
    load({"POLYDOOR_TEST_ANYTHING": "1"}, {})


def test_help_shows_every_option_once_within_the_width():
    for width in (60, 80, 100):
        lines = list(options_help(width))
        for row in SETTINGS:
            if row.name != "app":
                shown = f" {row.option}{'' if row.kind.alone else ' ' + row.kind.metavar}"
                assert sum(f"{shown} " in line.replace(",", "") + " " for line in lines) == 1, row.name
        assert all(len(line) <= width for line in lines if line[:COLUMN].isspace())


def test_suggestion_prefers_the_only_continuation():
    assert nearest("--thr", ["--threads", "--three-things-off"]) != ""
    assert nearest("--thr", ["--threads", "--workers"]) == "--threads"
    assert nearest("threads", ["threads-more", "THREADS"]) == "THREADS"
    assert nearest("--qqqqqq", ["--threads", "--workers"]) == ""


@pytest.mark.parametrize("address", ["0.0.0.0:8000", "[::]:8000", "fastcgi://10.0.0.1:9000", "fd://3", "box:80"])
def test_dev_is_refused_where_others_can_connect(address):
    with pytest.raises(ConfigError, match="--dev shows source code and the environ to whoever can connect") as caught:
        load({}, {"dev": ["1"], "bind": ["127.0.0.1:8000", address]})
    assert caught.value.code == "PD0017"


@pytest.mark.parametrize("address", ["127.0.0.1:0", "127.8.9.1:80", "[::1]:80", "localhost:80", "scgi+unix:/run/s"])
def test_dev_serves_this_machine(address):
    assert load({}, {"dev": ["1"], "bind": [address]}).flag("dev")

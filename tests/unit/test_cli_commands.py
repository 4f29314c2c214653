"""The commands that serve nothing: what they print and how they end."""

import json
import os
import socket
import sys
import tomllib

import pytest

from polydoor.cli import main
from polydoor.cli.main import COMMANDS, load_command
from polydoor.settings.catalog import SETTINGS

APP = "def app(environ, start_response): ...\ndef make(): return app\n"
CHECKED = "cli_checked_shop"


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    """A working directory with an application, and nothing of the outer environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    for name in ("PORT", "WEB_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / f"{CHECKED}.py").write_text(APP, encoding="utf-8")
    yield
    sys.modules.pop(CHECKED, None)


def said(capsys, *argv):
    status = main(list(argv))
    return status, *capsys.readouterr()


def test_check_says_in_one_line_that_all_is_well(capsys, tmp_path):
    (tmp_path / "polydoor.toml").write_text("bind = ['127.0.0.1:1', 'unix:shop.sock', 'fd://web']\n", encoding="utf-8")
    places = "127.0.0.1:1 unix:shop.sock fd://web"
    line = f"polydoor: all is well: {CHECKED}:app for {places}, configured by polydoor.toml\n"
    assert said(capsys, "check", CHECKED, "--access-log", "short:access.log", "--spill-dir", ".") == (0, line, "")
    assert {path.name for path in tmp_path.iterdir()} <= {"polydoor.toml", f"{CHECKED}.py", "__pycache__"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["-b", "example.com:80"], "PD0205"),
        (["-b", "fastcgi://0.0.0.0:9000"], "PD0207"),
        (["-b", "unix:absent/shop.sock"], "PD0209"),
        (["-b", f"unix:{CHECKED}.py"], "PD0211"),
        (["-b", "fd://77"], "PD0214"),
        (["--access-log", "short:absent/access.log"], "PD0310"),
        (["--access-log", "short:."], "PD0310"),
        (["--spill-dir", "absent"], "PD0020"),
    ],
)
def test_check_and_start_refuse_the_same_with_the_same_words(options, code, capsys):
    if code == "PD0214":
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(77)
    checked = said(capsys, "check", CHECKED, *options)
    assert checked[:2] == (2, "")
    assert checked[2].startswith(f"polydoor: {code}: ")
    assert said(capsys, "run", CHECKED, *options) == checked


def test_check_leaves_alone_who_serves_already(capsys, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener, socket.create_server(("127.0.0.1", 0)) as other:
        listener.bind("shop.sock")
        listener.listen()
        port = other.getsockname()[1]
        fd = f"fd://{other.fileno()}"
        status, _, err = said(capsys, "check", CHECKED, "-b", "unix:shop.sock", "-b", f"127.0.0.1:{port}", "-b", fd)
        assert (status, err) == (0, "")
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):  # nobody has even knocked
            listener.accept()
    assert not (tmp_path / "shop.sock.lock").exists()


def test_check_takes_the_application_from_anywhere(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("POLYDOOR_APP", f"{CHECKED}:make")
    line = f"polydoor: all is well: {CHECKED}:make() for http://127.0.0.1:8000\n"
    assert said(capsys, "check", "--factory") == (0, line, "")


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        ([], 2, "no application is named\n  usage: polydoor check [APP] [options]\n"),
        (["x", "--thread", "1"], 2, "unknown option --thread\n  Did you mean --threads?\n"),
        (["no_module_of_this_name"], 3, "there is no module no_module_of_this_name\n"),
        ([f"{CHECKED}:nothing"], 4, "has no attribute nothing"),
    ],
)
def test_check_ends_with_the_status_of_what_is_wrong(argv, status, message, capsys):
    ended, out, err = said(capsys, "check", *argv)
    assert (ended, out) == (status, "")
    assert message in err


@pytest.fixture
def unreadable(tmp_path, monkeypatch):
    """What stands in the place of a configuration file cannot be read, which is warned of."""
    (tmp_path / "pyproject.toml").mkdir()
    monkeypatch.chdir(tmp_path)


def test_check_warns(capsys, unreadable):
    status, _, err = said(capsys, "check", CHECKED)
    assert status == 0
    assert err.startswith("polydoor: PD0016: cannot read pyproject.toml, which may hold settings in [tool.polydoor]")


@pytest.mark.parametrize("first", [[], ["run"]])
def test_warnings_are_said_once_before_it_serves(first, capsys, monkeypatch, unreadable):
    from polydoor.worker import serve as serving

    monkeypatch.setattr(serving, "serve", lambda settings, given, is_last: 0)
    status, out, err = said(capsys, *first, CHECKED)
    assert (status, out, err.count("pyproject.toml")) == (0, "", 1)


def test_config_show_prints_toml_with_origins(capsys, monkeypatch):
    monkeypatch.setenv("POLYDOOR_THREADS", "7")
    status, out, err = said(capsys, "config", "show", CHECKED, "-b", "h:1")
    assert (status, err) == (0, "")
    assert f'app = "{CHECKED}"  # APP\n' in out
    assert "threads = 7  # POLYDOOR_THREADS\n" in out
    assert 'bind = ["h:1"]  # --bind\n' in out
    assert "backlog = 2048  # default\n" in out
    assert tomllib.loads(out)["threads"] == 7


def test_config_show_prints_json(capsys):
    status, out, _ = said(capsys, "config", "show", "--format", "json", "-e", "KEY=value")
    shown = json.loads(out)
    assert status == 0
    assert shown["settings"]["env"] == {"value": ["KEY=***"], "origin": "--env"}
    assert shown["settings"]["idle-timeout"] == {"value": 75, "origin": "default"}
    assert set(shown["settings"]) == {row.key for row in SETTINGS if not row.part_of}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["config"], "which of `config show` and `config schema`?\n"),
        (["config", "shw"], "which of `config show` and `config schema`?\n  Did you mean show?\n"),
        (["config", "show", "--format", "yaml"], "--format needs one of toml, json, not 'yaml'\n"),
        (["config", "schema", "shop"], "the schema is the same whatever is configured\n"),
        (["chekc", "shop"], "there are two: chekc and shop\n  Did you mean check?\n"),
        (["-t", "3", "check", "shop"], "check and shop\n  A command stands before all options: polydoor check ...\n"),
        (["shop", "--format", "json"], "unknown option --format\n"),
    ],
)
def test_wrong_use_of_a_command(argv, message, capsys):
    status, out, err = said(capsys, *argv)
    assert (status, out) == (2, "")
    assert message in err


def test_config_schema_is_json(capsys):
    status, out, _ = said(capsys, "config", "schema")
    assert status == 0
    assert json.loads(out)["additionalProperties"] is False


ROWS = [row for name in COMMANDS for row in load_command(name).ROWS]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.usage)
def test_help_of_each_command_fits_80_columns(row):
    text = row.help(80)
    assert text.startswith(f"usage: {row.usage}\n")
    assert [line for line in text.split("\n") if len(line) > 80] == []
    assert "\0" not in text


@pytest.mark.parametrize(
    ("argv", "options"),
    [
        (["check", "-h"], {"--drain-timeout", "--config", "--version"}),
        (["config", "show", "--help"], {"--drain-timeout", "--format", "--version"}),
        (["config", "schema", "-h"], {"--version"}),
        (["config", "-h"], {"--format"}),
    ],
)
def test_help_of_a_command_lists_its_options(argv, options, capsys):
    status, out, _ = said(capsys, *argv)
    assert status == 0
    assert out.startswith(f"usage: polydoor {' '.join(argv[:-1])}")
    assert "Examples:" not in out
    known = {"--drain-timeout", "--config", "--format", "--version"}
    assert {name for name in known if f"  {name} " in out or f", {name}" in out} >= options
    assert ("--drain-timeout" in out, "--format" in out) == ("--drain-timeout" in options, "--format" in options)


def test_help_of_all_names_every_command(capsys):
    _, out, _ = said(capsys, "--help")
    for line in ("  run APP ", "  check [APP] ", "  config show ", "  config schema "):
        assert line in out


def test_version_names_interpreter_and_core(capsys):
    _, out, _ = said(capsys, "check", "--version")
    assert out.endswith("; epoll; http, fastcgi, scgi, uwsgi, ajp, auto)\n")
    assert f"CPython {sys.version.split()[0].rstrip('+')}, GIL o" in out


def test_version_is_told_even_where_the_core_does_not_load(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "polydoor.bridge", None)
    status, out, _ = said(capsys, "--version")
    assert status == 0
    assert "; the native core does not load: " in out

"""Where settings come from, in which order, and what is done to the process on the way."""

import os
import re
import sys

import pytest

from polydoor.errors import ConfigError
from polydoor.settings.load import load
from polydoor.settings.sources import gather


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    """An empty working directory and a sys.path that are put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def addresses(settings):
    return list(settings.texts("bind"))


def test_later_source_wins(tmp_path):
    write(tmp_path / "polydoor.toml", "threads = 2\nbacklog = 2\nqueue-limit = 2\n")
    settings = gather({"POLYDOOR_BACKLOG": "3", "POLYDOOR_QUEUE_LIMIT": "3"}, {"queue_limit": ["4"]})
    assert [settings.number(name) for name in ("threads", "backlog", "queue_limit")] == [2, 3, 4]
    origins = [settings.origin(name) for name in ("max_connections", "threads", "backlog", "queue_limit")]
    assert origins == ["default", "polydoor.toml:1", "POLYDOOR_BACKLOG", "--queue-limit"]


def test_file_is_looked_for_in_the_working_directory(tmp_path):
    write(tmp_path / "pyproject.toml", "[tool.polydoor]\nthreads = 2\nbacklog = 5\n")
    assert gather({}, {}).origin("threads") == "pyproject.toml:2"
    write(tmp_path / "polydoor.toml", "threads = 3\n")
    settings = gather({}, {})
    assert (settings.number("threads"), settings.number("backlog")) == (3, 2048)
    assert (settings.text("config"), settings.origin("config")) == ("polydoor.toml", "default")


def test_project_file_that_says_nothing_of_us_is_not_the_configuration(tmp_path):
    write(tmp_path / "pyproject.toml", "[tool]\nname = 'polydoor'\n")
    assert gather({}, {}).text("config") == ""


@pytest.mark.parametrize(
    "text",
    [
        "[tool.polydoor]\nthreads = 2",
        "[ tool . 'polydoor' ]\nthreads = 2",
        "tool.polydoor.threads = 2",
        "[tool]\npolydoor.threads = 2",
        "tool = {polydoor = {threads = 2}}",
    ],
)
def test_table_is_found_however_it_is_written(text, tmp_path):
    write(tmp_path / "pyproject.toml", text)
    assert gather({}, {}).number("threads") == 2


def test_file_can_be_named(tmp_path):
    write(tmp_path / "polydoor.toml", "threads = 3\n")
    write(tmp_path / "etc" / "other.toml", "threads = 4\n")
    assert gather({}, {"config": ["etc/other.toml"]}).origin("threads") == "etc/other.toml:1"
    assert gather({"POLYDOOR_CONFIG": "etc/other.toml"}, {}).number("threads") == 4
    with pytest.raises(ConfigError, match="^POLYDOOR_CONFIG: cannot read absent: No such file"):
        gather({"POLYDOOR_CONFIG": "absent"}, {})


def test_toml_is_only_loaded_for_a_file(tmp_path, monkeypatch):
    for name in ("tomllib", "polydoor.settings.tomlfile", "polydoor.settings.envfile"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    write(tmp_path / "pyproject.toml", "[project]\nname = 'polydoor'\n[tool.other]\n")
    gather({}, {})
    assert not {"tomllib", "polydoor.settings.tomlfile", "polydoor.settings.envfile"} & set(sys.modules)


@pytest.mark.parametrize("environ", [{}, {"POLYDOOR_CHDIR": "elsewhere"}])
def test_directory_is_entered_first(environ, tmp_path):
    write(tmp_path / "site" / "polydoor.toml", "threads = 3\n")
    write(tmp_path / "site" / "vars", "A=1\n")
    settings = gather(environ, {"chdir": ["site"], "env_file": ["vars"]})
    assert os.getcwd() == str(tmp_path / "site")
    assert settings.number("threads") == 3
    assert environ["A"] == "1"


def test_file_may_name_the_directory(tmp_path):
    write(tmp_path / "polydoor.toml", 'chdir = "site"\nenv-file = "vars"\n')
    write(tmp_path / "site" / "vars", "A=1\n")
    write(tmp_path / "site" / "polydoor.toml", "threads = 3\n")
    environ = {}
    assert gather(environ, {}).number("threads") == 4
    assert (os.getcwd(), environ["A"]) == (str(tmp_path / "site"), "1")


def test_directory_that_is_not_there():
    with pytest.raises(ConfigError, match="^--chdir: cannot go to absent: No such file or directory"):
        gather({}, {"chdir": ["absent"]})
    with pytest.raises(ConfigError, match="no directory absent"):
        gather({}, {"app_dir": ["absent"]})


def test_application_directory_comes_first_on_the_path(tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    monkeypatch.setattr(sys, "path", ["/somewhere"])
    gather({}, {"app_dir": ["site"]})
    assert sys.path == [str(tmp_path / "site"), str(tmp_path), "/somewhere"]


def test_variables_of_files_leave_what_is_set_alone_and_env_does_not(tmp_path):
    write(tmp_path / "one", "A=1\nB=1\nC=1\n")
    write(tmp_path / "two", "B=2\nC=2\nD=2\nE=2\n")
    environ = {"A": "0", "E": "0"}
    gather(environ, {"env_file": ["one", "two"], "env": ["E=3", "F=x=y"]})
    assert environ == {"A": "0", "B": "1", "C": "1", "D": "2", "E": "3", "F": "x=y"}


def test_settings_among_the_variables_count(tmp_path):
    write(tmp_path / "vars", "\nPOLYDOOR_THREADS=7\nPOLYDOOR_BACKLOG=7\nPOLYDOOR_CONFIG=c.toml\n")
    write(tmp_path / "c.toml", "threads = 8\nqueue-limit = 8\nenv = ['POLYDOOR_HEAD_LIMIT=65536']\n")
    settings = gather({"POLYDOOR_BACKLOG": "6"}, {"env_file": ["vars"]})
    names = ("threads", "backlog", "queue_limit", "head_limit")
    assert [settings.number(name) for name in names] == [7, 6, 8, 65536]
    assert [settings.origin(name) for name in names] == ["vars:2", "POLYDOOR_BACKLOG", "c.toml:2", "c.toml:3"]
    settings = gather({}, {"env": ["POLYDOOR_THREADS=5"]})
    assert (settings.number("threads"), settings.origin("threads")) == (5, "--env")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A=1\nPOLYDOOR_THREAD=7\n", "vars:2: unknown variable POLYDOOR_THREAD\nDid you mean POLYDOOR_THREADS?"),
        ("\nPORT=abc\n", "vars:2: PORT needs a whole number from 0 to 65535, not 'abc'"),
        (
            "WEB_CONCURRENCY=abc\n",
            "vars:1: WEB_CONCURRENCY needs a number of workers from 1 to 512, MIN:MAX or auto, not 'abc'",
        ),
        ("POLYDOOR_THREADS=x\n", "vars:1: POLYDOOR_THREADS needs a whole number from 1 to 512, not 'x'"),
    ],
)
def test_bad_setting_among_the_variables_is_told_with_its_line(text, message, tmp_path):
    write(tmp_path / "vars", text)
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}"):
        gather({}, {"env_file": ["vars"]})


@pytest.mark.parametrize("name", ["CHDIR", "ENV_FILE", "ENV"])
def test_variable_that_comes_too_late_is_refused(name, tmp_path):
    write(tmp_path / "vars", f"A=1\nPOLYDOOR_{name}=x\n")
    with pytest.raises(ConfigError, match=f"^vars:2: POLYDOOR_{name} comes too late here, ") as caught:
        gather({}, {"env_file": ["vars"]})
    assert caught.value.code == "PD0018"
    with pytest.raises(ConfigError, match=f"^--env: POLYDOOR_{name} comes too late here, "):
        gather({}, {"env": ["A=1", f"POLYDOOR_{name}=x"]})


def test_variable_that_was_there_before_is_not_late(tmp_path):
    write(tmp_path / "vars", "POLYDOOR_CHDIR=elsewhere\n")
    (tmp_path / "site").mkdir()
    assert gather({"POLYDOOR_CHDIR": "site"}, {"env_file": ["../vars"]}).text("chdir") == "site"


def test_what_the_file_sets_cannot_name_another_file(tmp_path):
    write(tmp_path / "vars", "POLYDOOR_CONFIG=other.toml\n")
    write(tmp_path / "polydoor.toml", "env-file = 'vars'\n")
    with pytest.raises(ConfigError, match="^vars:1: POLYDOOR_CONFIG comes too late here, "):
        gather({}, {})
    write(tmp_path / "polydoor.toml", "\nenv = ['POLYDOOR_CONFIG=other.toml']\n")
    with pytest.raises(ConfigError, match="^polydoor.toml:2: env: POLYDOOR_CONFIG comes too late here, "):
        gather({}, {})


@pytest.mark.parametrize("how", ["env_file", "env"])
def test_application_directory_among_the_variables_counts(how, tmp_path):
    write(tmp_path / "vars", "POLYDOOR_APP_DIR=site\n")
    (tmp_path / "site").mkdir()
    gather({}, {how: ["vars" if how == "env_file" else "POLYDOOR_APP_DIR=site"]})
    assert sys.path[0] == str(tmp_path / "site")


def test_link_that_leads_nowhere_is_not_passed_over(tmp_path):
    (tmp_path / "polydoor.toml").symlink_to("/etc/no-such/shop.toml")
    told = "cannot read polydoor.toml: No such file or directory\nIt is a symbolic link to /etc/no-such/shop.toml."
    with pytest.raises(ConfigError, match=f"^{re.escape(told)}$"):
        gather({}, {})


def test_project_file_that_cannot_be_read_is_warned_of(tmp_path):
    (tmp_path / "pyproject.toml").symlink_to("pyproject.toml")  # not even root can read it
    (warning,) = gather({}, {}).warnings
    assert warning.startswith("cannot read pyproject.toml, which may hold settings in [tool.polydoor]: Too many levels")
    write(tmp_path / "polydoor.toml", "threads = 3\n")
    assert gather({}, {}).warnings == []


@pytest.mark.parametrize("option", ["config", "env_file"])
def test_file_without_end_is_refused(option, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    said = "--" + option.replace("_", "-")
    for path, reason in (("/dev/zero", "it is larger than 1 MiB"), ("pipe", "it is a named pipe, not a file")):
        with pytest.raises(ConfigError, match=f"^{said}: cannot read {path}: {reason}$"):
            gather({}, {option: [path]})
    assert gather({}, {option: ["/dev/null"]}).number("threads") == 4


def test_pipe_of_a_shell_is_read(tmp_path):
    reading, writing = os.pipe()
    os.write(writing, b"threads = 3\n")
    os.close(writing)
    try:
        assert gather({}, {"config": [f"/dev/fd/{reading}"]}).number("threads") == 3
    finally:
        os.close(reading)


@pytest.mark.parametrize("pair", ["A", "=1", "1A=2", "A B=1", "A=\0"])
def test_bad_pair(pair):
    with pytest.raises(ConfigError, match="^--env needs NAME=VALUE"):
        gather({}, {"env": [pair]})


@pytest.mark.parametrize(
    ("options", "expected", "origin"),
    [
        ({"port": ["9000"]}, ["http://127.0.0.1:9000"], "--port"),
        ({"host": ["0.0.0.0"]}, ["http://0.0.0.0:8000"], "--host"),
        ({"host": ["::1"], "port": ["0"]}, ["http://[::1]:0"], "--host, --port"),
        ({"host": ["[::1]"]}, ["http://[::1]:8000"], "--host"),
        ({"uds": ["/run/shop.sock"]}, ["unix:/run/shop.sock"], "--uds"),
        ({"fd": ["3"]}, ["fd://3"], "--fd"),
        ({"port": ["1"], "uds": ["x"], "fd": ["3"]}, ["http://127.0.0.1:1", "unix:x", "fd://3"], "--port, --uds, --fd"),
    ],
)
def test_parts_of_an_address_make_http_listeners(options, expected, origin):
    settings = load({}, options)
    assert (addresses(settings), settings.origin("bind")) == (expected, origin)
    assert {spec["protocol"] for spec in settings.listeners()} == {"http"}
    assert not settings.is_said("port")


def test_address_and_its_parts_take_each_others_place():
    environ = {"POLYDOOR_BIND": "h:1"}
    assert addresses(load(environ, {"port": ["2"]})) == ["http://127.0.0.1:2"]
    environ = {"POLYDOOR_HOST": "h", "POLYDOOR_UDS": "x"}
    assert addresses(load(environ, {"bind": ["k:2"]})) == ["k:2"]
    assert addresses(load({"POLYDOOR_HOST": "h"}, {"port": ["2"]})) == ["http://h:2"]


@pytest.mark.parametrize("part", ["host", "port", "uds", "fd"])
def test_address_beside_its_parts_is_an_error(part):
    message = f"^--bind and --{part} both say where to listen\nSay all of it with --bind.$"
    with pytest.raises(ConfigError, match=message):
        load({}, {"bind": ["h:1"], part: ["3"]})


@pytest.mark.parametrize(
    ("environ", "options", "expected", "origin"),
    [
        ({"PORT": "5000"}, {}, ["http://0.0.0.0:5000"], "PORT"),
        ({"PORT": "5000"}, {"bind": ["h:1"]}, ["h:1"], "--bind"),
        ({"PORT": "5000", "POLYDOOR_BIND": "h:1"}, {}, ["h:1"], "POLYDOOR_BIND"),
        ({"PORT": "5000"}, {"port": ["1"]}, ["http://127.0.0.1:1"], "--port"),
        ({"PORT": "5000"}, {"uds": ["x"]}, ["unix:x"], "--uds"),
        ({"PORT": "5000"}, {"host": ["h"]}, ["http://h:5000"], "--host, PORT"),
        ({"PORT": ""}, {}, ["http://127.0.0.1:8000"], "default"),
    ],
)
def test_port_of_the_platform_counts_where_nothing_else_is_said(environ, options, expected, origin):
    settings = load(environ, options)
    assert (addresses(settings), settings.origin("bind")) == (expected, origin)


def test_port_of_the_platform_is_checked(tmp_path):
    with pytest.raises(ConfigError, match="^PORT needs a whole number from 0 to 65535, not 'http'"):
        load({"PORT": "http"}, {})
    write(tmp_path / "polydoor.toml", "bind = 'h:1'")
    assert addresses(gather({"PORT": "5000"}, {})) == ["h:1"]


def test_web_concurrency_is_the_number_of_workers_unless_that_is_said():
    settings = load({"WEB_CONCURRENCY": "4"}, {})
    assert (settings.workers(), settings.origin("workers")) == ((4, 4), "WEB_CONCURRENCY")
    assert load({"WEB_CONCURRENCY": "4"}, {"workers": ["1"]}).workers() == (1, 1)
    with pytest.raises(ConfigError, match="^WEB_CONCURRENCY needs a number of workers"):
        load({"WEB_CONCURRENCY": "many"}, {})


def test_workers_are_a_number_a_range_or_one_for_each_processor():
    assert load({}, {}).workers() == (1, 1)
    assert load({}, {"workers": ["3"]}).workers() == (3, 3)
    assert load({}, {"workers": ["02:8"]}).workers() == (2, 8)
    assert load({}, {"workers": ["0:2"], "idle_stop": ["5"]}).workers() == (0, 2)
    low, high = load({}, {"workers": ["auto"]}).workers()
    assert low == high >= 1


def test_variables_that_kubernetes_sets_for_a_service_of_our_name_are_no_settings():
    environ = {
        "POLYDOOR_SERVICE_HOST": "10.0.0.1",
        "POLYDOOR_PORT": "tcp://10.0.0.1:80",
        "POLYDOOR_PORT_80_TCP_ADDR": "10.0.0.1",
    }
    assert addresses(load(environ, {})) == ["http://127.0.0.1:8000"]
    assert addresses(load({"POLYDOOR_PORT": "81"}, {})) == ["http://127.0.0.1:81"]

"""The configuration of the CGI stub, where its files lie, and when its daemon ends."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from polydoor.bridge._gate import Gate
from polydoor.errors import ConfigError
from polydoor.hosting import life as lives
from polydoor.hosting.configuration import beside, read_configuration
from polydoor.hosting.daemon import leave_alone
from polydoor.hosting.found import Found
from polydoor.hosting.keys import KEYS
from polydoor.hosting.places import Places, fnv1a
from polydoor.settings.option import Count
from support.hosted import written
from support.server import PATIENCE

ROOT = Path(__file__).resolve().parent.parent.parent

WHOLE = 'app = "shop:app"\npython = "/usr/bin/python3"\ndirectory = "/home/shop"\n'


def read(tmp_path, text, **variables):
    path = tmp_path / ".ht-shop.cgi.conf"
    path.write_text(text)
    path.chmod(0o600)
    return read_configuration(str(path), variables)


def test_a_file_with_all_kinds_of_values(tmp_path):
    text = WHOLE + '# a comment\noptions = ["-t", "2"]\nidle-timeout = 60 # a minute\nexec-below = 0\n'
    found = read(tmp_path, text)
    assert (found.text("app"), found.texts("options"), found.number("idle_timeout")) == ("shop:app", ("-t", "2"), 60)
    assert (found.number("patience"), found.text("state"), found.texts("environment")) == (30, "", ())


def test_variables_come_before_the_file(tmp_path):
    found = read(tmp_path, WHOLE, POLYDOOR_CGI_APP="other:app", POLYDOOR_CGI_IDLE_TIMEOUT="5", POLYDOOR_THREADS="2")
    assert (found.text("app"), found.number("idle_timeout")) == ("other:app", 5)


def test_variables_can_say_everything():
    names = {"APP": "shop:app", "PYTHON": "/usr/bin/python3", "DIRECTORY": "/home/shop"}
    assert read_configuration("", {f"POLYDOOR_CGI_{name}": text for name, text in names.items()}).path == ""


WRONG = {
    "misspelt": (WHOLE + "idle-timout = 5\n", "PD0010", "4: unknown key idle-timout\nDid you mean idle-timeout?"),
    "relative": (
        WHOLE + 'state = "run"\n',
        "PD0005",
        "4: state needs an absolute path, which begins with a slash, not",
    ),
    "a string": (WHOLE + 'backlog = "16"\n', "PD0005", "4: backlog needs a whole number, not '16'"),
    "too large": (WHOLE + "backlog = 99999\n", "PD0005", "4: backlog needs a whole number from 1 to 4096, not '99999'"),
    "no list": (WHOLE + 'options = "-t 2"\n', "PD0005", '4: options needs an array of strings, as in ["-t", "2"]'),
    "a list": (WHOLE + 'socket = ["a"]\n', "PD0005", "4: socket needs a string, not ['a']"),
    "a table": (WHOLE + "[more]\n", "PD0010", "4: unknown key more"),
    "a byte order mark": (
        "\ufeff" + WHOLE,
        "PD0012",
        "1: the file begins with a byte order mark\nSave it as UTF-8 without one.",
    ),
    "no TOML": ("app = shop\n", "PD0012", "1: bad TOML in column 7"),
    "lacking": ('app = "shop:app"\npython = "/usr/bin/python3"\n', "PD0001", ": directory is missing"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_with_its_line(name, tmp_path):
    text, code, told = WRONG[name]
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert caught.value.code == code
    assert told in str(caught.value)


def test_an_unknown_variable_is_an_error():
    with pytest.raises(ConfigError, match="unknown variable POLYDOOR_CGI_AP in the environment\nDid you mean"):
        read_configuration("", {"POLYDOOR_CGI_AP": "shop:app"})


def test_a_file_that_others_can_write_is_refused(tmp_path):
    path = written(tmp_path, "shop:app")
    path.chmod(0o660)
    with pytest.raises(ConfigError, match=r"can be written by others \(mode 0660\)\nTake that away: chmod go-w "):
        read_configuration(str(path), {})


@pytest.mark.parametrize("kind", ["link", "folder", "pipe", "large", "absent"])
def test_what_is_no_small_file_is_refused(kind, tmp_path):
    path = tmp_path / "conf"
    if kind == "link":
        path.symlink_to(written(tmp_path, "shop:app"))
    elif kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "large":
        path.write_text("#" * 70_000)
    with pytest.raises(ConfigError) as caught:
        read_configuration(str(path), {})
    assert caught.value.code == "PD0011"


def test_the_configuration_lies_beside_the_stub():
    assert beside("/srv/www/shop.cgi") == "/srv/www/.ht-shop.cgi.conf"


def test_the_state_directory_holds_everything(tmp_path):
    places = Places(read_configuration(str(written(tmp_path, "shop:app")), {}))
    assert (places.lock, places.socket) == (f"{tmp_path}/state/lock", f"{tmp_path}/state/socket")


def test_a_state_directory_that_others_can_write_is_not_used(tmp_path):
    path = written(tmp_path, "shop:app")
    (tmp_path / "state").chmod(0o770)
    folder = f"/tmp/polydoor-{os.geteuid()}/{fnv1a(os.fsencode(path)):016x}"
    assert Places(read_configuration(str(path), {})).lock == f"{folder}/lock"


def test_the_hash_is_that_of_the_standard():
    assert [fnv1a(data) for data in (b"", b"a", b"foobar")] == [
        0xCBF29CE484222325,
        0xAF63DC4C8601EC8C,
        0x85944171F73967E8,
    ]


# --- when the daemon ends ---------------------------------------------------------------------------------------------


class World:
    """Everything that a life looks at."""

    def __init__(self, monkeypatch, **keys):
        self.now = 100.0
        self.counters = {"busy": 0, "begun": 0}
        self.leaves, self.rate, self.is_mine, self.changed = [], 0, True, ""
        self.fd, self.links = 4, 1  # of the lock file
        self.answer = "ok"
        self.backlogs: list[int] = []
        self.said: list[str] = []
        monkeypatch.setattr(lives.time, "monotonic", lambda: self.now)
        found = SimpleNamespace(fstat=lambda _: SimpleNamespace(st_nlink=self.links))
        monkeypatch.setattr(lives, "os", found)
        monkeypatch.setattr(lives, "say", lambda text, **_: self.said.append(text))
        numbers = {"idle_timeout": 300, "exec_below": 0, "backlog": 16} | keys
        configuration = SimpleNamespace(number=numbers.__getitem__)
        engine = SimpleNamespace(stats=lambda: self.counters)
        self.life = lives.Life(self, configuration, engine, SimpleNamespace(look=lambda _: self.changed), 32)  # type: ignore[arg-type]

    def hold(self):
        return True

    def ready(self, listener, backlog):
        self.backlogs.append(backlog)
        return True

    def leave(self, listener, if_idle, wait_ms):
        self.leaves.append(if_idle)
        return self.answer

    def later(self, seconds):
        self.now += seconds
        return self.life.is_over()


def test_a_daemon_that_nobody_uses_ends_after_its_time(monkeypatch):
    world = World(monkeypatch)
    assert not world.later(0)
    assert not world.later(299)
    assert world.later(1)
    world.life.leave()
    assert world.leaves == [True]  # once is enough


def test_each_request_begins_the_time_anew(monkeypatch):
    world = World(monkeypatch)
    for _ in range(5):
        world.counters["begun"] += 1
        assert not world.later(299)


def test_a_request_that_takes_long_keeps_it(monkeypatch):
    world = World(monkeypatch)
    world.counters |= {"busy": 1, "begun": 1}
    assert not any(world.later(1000) for _ in range(3))
    world.counters["busy"] = 0
    assert not world.later(299)
    assert world.later(300)


@pytest.mark.parametrize("answer", ["pending", "late", "failed"])
def test_it_stays_where_somebody_is_at_the_gate(monkeypatch, answer):
    world = World(monkeypatch)
    world.answer = answer
    world.later(0)
    assert not world.later(400)
    assert world.said == []
    world.answer = "ok"
    assert world.later(1)


def test_0_keeps_it_for_ever(monkeypatch):
    world = World(monkeypatch, idle_timeout=0)
    assert not world.later(10**9)


def test_it_ends_below_half_of_the_load_that_started_it_and_not_before_a_minute(monkeypatch):
    world = World(monkeypatch, exec_below=20)
    world.life.serves()
    assert not world.later(59)
    world.rate = 10
    assert not world.later(30)
    world.rate = 9
    assert world.later(1)
    assert world.said == ["fewer than 10 requests in a minute: ending, as exec-below asks for"]


def test_the_backlog_is_short_when_the_first_crowd_is_in_or_does_not_end(monkeypatch):
    world = World(monkeypatch)
    world.life.serves()
    world.counters["busy"] = 32
    assert not world.later(4)
    assert world.backlogs == [256]
    world.counters["busy"] = 31
    assert not world.later(0.5)
    assert world.backlogs == [256, 16]
    world = World(monkeypatch)
    world.life.serves()
    world.counters["busy"] = 32
    assert not world.later(5)
    assert not world.later(5)
    assert world.backlogs == [256, 16]


def test_a_change_and_a_lost_socket_or_lock_end_it_at_once(monkeypatch):
    world = World(monkeypatch)
    world.changed = "/home/shop/tmp/restart.txt"
    assert world.later(0)
    world.changed, world.is_mine = "", False
    assert world.later(0)
    world.is_mine, world.links = True, 0
    assert world.later(0)
    assert world.leaves == []
    world.life.leave()
    assert world.leaves == [False]


def test_a_forked_child_closes_the_socket_of_the_daemon_and_nothing_that_took_its_number(tmp_path):
    gone, kept = os.pipe()
    ours = {fd: os.fstat(fd) for fd in (gone, kept)}
    with (tmp_path / "file").open("wb") as file:
        os.dup2(file.fileno(), gone)  # the listener was closed, and the application has opened a file since
    leave_alone(ours)
    with os.fdopen(gone, "wb") as file:
        file.write(b"still there")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(kept)
    leave_alone(ours)  # none of them is open


DAEMON = """
import os, sys
from polydoor.bridge._gate import Gate
gate, listener = map(int, sys.argv[1:])
print(os.getpid(), Gate(gate, "socket").ready(listener, 1))
"""


def test_stop_ends_where_somebody_else_keeps_the_lock_of_a_daemon_that_is_dead(tmp_path):
    found = Found(str(written(tmp_path, "shop:app", start_timeout=1)))
    gate = Gate(found.places.lock, found.places.socket)
    listener, own = gate.listen()
    command = [sys.executable, "-c", DAEMON, str(gate.fd), str(listener)]
    fds = (gate.fd, listener)
    done = subprocess.run(command, pass_fds=fds, capture_output=True, text=True, timeout=PATIENCE, check=True)
    daemon, is_ready = done.stdout.split()
    assert is_ready == "True"
    try:
        with pytest.raises(ConfigError, match=f"not by process {daemon}, which it names") as caught:
            found.stop()
        assert caught.value.code == "PD0786"
    finally:
        for fd in (listener, own):
            os.close(fd)
        gate.close()


def test_the_stub_knows_the_same_keys_with_the_same_bounds():
    source = (ROOT / "core" / "cmd" / "config.c").read_text()
    rows = re.findall(r'^    \{ "([a-z-]+)", KIND_(\w+), AT\(\w+\), (.*) \},$', source, re.MULTILINE)
    bounds = {
        row.key: (row.kind.low, row.kind.high, row.default) if isinstance(row.kind, Count) else (0, 0, 0)
        for row in KEYS
    }
    ours = {name: tuple(eval(part.replace("(int64_t)", "")) for part in text.split(",")) for name, _, text in rows}
    assert ours == bounds


def test_the_backlog_is_long_until_those_who_came_while_it_started_are_in(monkeypatch):
    world = World(monkeypatch)
    world.life.serves()
    world.counters |= {"busy": 32, "begun": 32}
    world.later(1)
    assert world.backlogs == [256]
    world.counters |= {"busy": 31, "begun": 100}
    world.later(1)
    world.later(1)
    assert world.backlogs == [256, 16]

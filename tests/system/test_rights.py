"""Who the application runs as, what it inherits, and what the first process of a container has to do."""

from __future__ import annotations

import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import polydoor
from support.server import APPS, PATIENCE, Server
from support.waiting import eventually

HTTP = ["http://127.0.0.1:0"]
NOBODY = pwd.getpwnam("nobody")
STRANGER = 54_321  # a number without an account
APP = f"{APPS}/rights_app.py:app"
PACKAGES = Path(polydoor.__file__).parents[1]
IMPORTS = f"import sys, polydoor.bridge; sys.path.insert(0, {str(APPS)!r}); import rights_app"


def readable(program):
    """Whether somebody else can run this interpreter, this installation and the tests with it."""
    try:
        run = subprocess.run(
            [program, "-c", IMPORTS],
            user=STRANGER,
            group=STRANGER,
            extra_groups=[],
            cwd="/",
            env={"PYTHONPATH": str(PACKAGES)},
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return run.returncode == 0


@pytest.fixture(scope="module")
def program():
    """An interpreter that others than root may run: ours, or the machine's own if that is of the same version."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    mine, other = sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    usable = next(filter(readable, (mine, other)), None)
    if usable is None:
        pytest.skip("nobody but root may read this installation")
    return [usable]


@pytest.fixture
def folder():
    """A folder that everybody may write to, as /tmp."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o1777)
        yield Path(name)


@pytest.fixture
def start(program, monkeypatch):
    """Start a server that others than root may run."""
    monkeypatch.setenv("PYTHONPATH", str(PACKAGES))

    return lambda listeners, *options: Server(APP, listeners, options=options, program=program)


def ask(server, path="/"):
    return json.loads(server.doors[0].request("GET", path).body)


def refused(*options, program=(sys.executable,), **how):
    command = [*program, "-m", "polydoor", APP, "-b", "127.0.0.1:0", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, **how)


@pytest.mark.parametrize("workers", [[], ["-w", "1"]], ids=["alone", "pool"])
@pytest.mark.parametrize("who", ["name", "number"])
def test_rights_are_given_up_for_good_before_the_application_is_loaded(start, folder, who, workers):
    user, group = (NOBODY.pw_name, "daemon") if who == "name" else (str(STRANGER), str(STRANGER + 1))
    uid, gid = (NOBODY.pw_uid, 1) if who == "name" else (STRANGER, STRANGER + 1)
    options = ["-u", user, "-g", group, "-m", "0027", "--access-log", f"short:{folder}/log", *workers]
    with start([f"http+unix:{folder}/s"], *options) as server:
        told = ask(server)
        groups = os.getgrouplist(user, gid) if who == "name" else [gid]
        assert told["loaded"] == told["now"] == {"uid": [uid] * 3, "gid": [gid] * 3, "groups": sorted(groups)}
        assert told["umask"] == 0o027
        home = {"HOME": NOBODY.pw_dir, "USER": user, "LOGNAME": user} if who == "name" else {"HOME": "/"}
        assert told["environ"] == home
        status = Path(f"/proc/{told['pid']}/status").read_text()
        assert [line.split()[1] for line in status.splitlines() if line.startswith("Cap")][:3] == ["0" * 16] * 3
        where = (folder / "s").stat()
        assert (where.st_uid, where.st_gid, stat.S_IMODE(where.st_mode)) == (uid, gid, 0o660)
        assert eventually(lambda: (folder / "log").read_text().count("GET /") == 1)
        assert (folder / "log").stat().st_uid == 0
        (folder / "log").rename(folder / "old")
        server.process.send_signal(signal.SIGUSR1)
        assert eventually((folder / "log").exists)
        assert (folder / "log").stat().st_uid == uid


WITHOUT_KILL = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_KILL = 24, 5
if ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_KILL):
    sys.exit("no")
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
HANGS = "import os, threading\nos.write(1, b'loads\\n')\nthreading.Event().wait()\n"


@pytest.mark.parametrize("more", [[], ["--preload"]], ids=["worker", "prototype"])
def test_a_root_that_may_signal_nobody_ends_its_workers_all_the_same(program, folder, monkeypatch, more):
    monkeypatch.setenv("PYTHONPATH", str(PACKAGES))
    without = [*program, "-c", WITHOUT_KILL]
    if subprocess.run([*without, "-c", ""], check=False).returncode:
        pytest.skip("this root may not give up a right")
    code = folder / "served.py"
    code.write_text((APPS / "rights_app.py").read_text())
    with Server(f"{code}:app", HTTP, options=["-u", "nobody", "-w", "1", *more], program=without) as server:
        ask(server)
        code.write_text(HANGS)
        server.process.send_signal(signal.SIGHUP)
        server.output.wait_for("loads")
        server.stop()
    assert "PD0" not in server.log.text.replace("PD0342", "")


def test_a_folder_that_refuses_the_new_log_is_told(start, folder):
    logs = folder / "logs"
    logs.mkdir()
    options = ["-u", str(STRANGER), "--access-log", f"short:{logs}/log", "-w", "1"]
    with start(HTTP, *options) as server:
        (logs / "log").rename(logs / "old")
        server.process.send_signal(signal.SIGUSR1)
        server.log.wait_for("PD0313")
        ask(server)
        assert eventually(lambda: "GET /" in (logs / "old").read_text())


def test_a_supervisor_stays_root_and_its_workers_are_replaced_with_less(start, folder):
    with start([f"http+unix:{folder}/s"], "-u", str(STRANGER), "-w", "2") as server:
        before = children(server.pid)
        server.process.send_signal(signal.SIGHUP)
        server.log.wait_for("reloaded: 2 of 2")
        assert eventually(lambda: len(children(server.pid)) == 2)
        assert not set(children(server.pid)) & set(before)
        assert [users(pid) for pid in children(server.pid)] == [[str(STRANGER)] * 4] * 2
        assert users(server.pid) == ["0"] * 4
        assert ask(server)["loaded"]["uid"] == [STRANGER] * 3
    assert not (folder / "s").exists()


def users(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[1:] for line in lines if line.startswith("Uid:"))


def test_what_the_operator_sets_stays(start):
    with start(HTTP, "-u", NOBODY.pw_name, "-e", "HOME=/srv") as server:
        assert ask(server)["environ"]["HOME"] == "/srv"


@pytest.mark.parametrize("workers", [[], ["-w", "1"]], ids=["alone", "pool"])
@pytest.mark.parametrize(
    ("option", "told"),
    [
        (["-u", "no-such-user"], "PD0365: --user needs the name or number of a user, and this machine has no user"),
        (["-g", "no-such-group"], "PD0365: --group needs the name or number of a group, and this machine has no group"),
    ],
)
def test_an_unknown_name_is_told_before_anything_is_bound(tmp_path, option, told, workers):
    run = refused(*option, *workers, "-b", f"unix:{tmp_path}/s")
    assert run.returncode == 2
    assert told in run.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("workers", [[], ["-w", "1"]], ids=["alone", "pool"])
def test_only_root_can_become_somebody_else(request, monkeypatch, workers):
    how = {}
    if os.geteuid() == 0:
        monkeypatch.setenv("PYTHONPATH", str(PACKAGES))
        program = request.getfixturevalue("program")
        how = {"program": program, "user": STRANGER, "group": STRANGER, "extra_groups": [], "cwd": "/"}
    run = refused("-u", "0", *workers, **how)
    assert run.returncode == 2
    assert "PD0366: --user asks for user 0" in run.stderr


def test_who_is_that_user_already_changes_nothing(request, monkeypatch):
    who = os.geteuid() or STRANGER
    program = [sys.executable]
    if os.geteuid() == 0:
        monkeypatch.setenv("PYTHONPATH", str(PACKAGES))
        number = str(STRANGER)
        drop = ["setpriv", f"--reuid={number}", f"--regid={number}", "--clear-groups"]
        program = [*drop, *request.getfixturevalue("program")]
    monkeypatch.delenv("HOME", raising=False)
    with Server(APP, options=["-u", str(who), "-w", "1"], program=program) as server:
        told = ask(server)
        assert told["now"]["uid"] == [who] * 3
        assert "HOME" not in told["environ"]


def test_a_user_who_cannot_read_the_installation_is_told_before_anything_is_bound(program, folder):
    closed = folder / "closed"
    closed.mkdir(0o700)
    (closed / "polydoor").symlink_to(PACKAGES / "polydoor")
    script = f"import sys; sys.path.insert(0, {str(closed)!r}); from polydoor.cli import main; sys.exit(main())"
    command = [*program, "-c", script, APP, "-b", f"unix:{folder}/s", "-w", "1", "-u", str(STRANGER)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, cwd="/")
    assert run.returncode == 3
    assert f"PD0368: user {STRANGER}, group {STRANGER} may not read {closed}" in run.stderr
    assert not (folder / "s").exists()


def test_a_socket_has_the_owner_of_its_address(start, folder):
    address = f"http+unix:{folder}/s?user={STRANGER}&group=daemon&mode=0640"
    for _ in range(2):  # the second one takes over what the first one leaves when it is killed
        server = start([address], "-w", "1")
        where = (folder / "s").stat()
        assert (where.st_uid, where.st_gid, stat.S_IMODE(where.st_mode)) == (STRANGER, 1, 0o640)
        ask(server)
        server.kill()
    assert (folder / "s").exists()


def test_a_second_instance_is_refused_and_harms_nothing(tmp_path):
    with Server(APP, [f"http+unix:{tmp_path}/s"], options=["-w", "2"]) as server:
        for workers in ([], ["-w", "1"]):
            run = refused("-b", f"unix:{tmp_path}/s", *workers)
            assert run.returncode == 2
            assert "PD0201" in run.stderr
            assert ask(server)["fds"]
    assert not list(tmp_path.iterdir())


def test_what_the_application_starts_inherits_the_standard_descriptors_alone(tmp_path):
    foreign = tmp_path / "foreign"
    script = f'exec 7<>{foreign} 8<>{foreign}.log; exec "$0" "$@"'  # what a script leaves open
    options = ["-w", "1", "--access-log", "short:/dev/fd/8"]
    with Server(APP, options=options, program=["sh", "-c", script, sys.executable]) as server:
        told = ask(server)
        assert told["fds"] == [0, 1, 2]
        assert str(foreign) not in opened(told["pid"])
        assert str(foreign) in opened(server.pid)  # it may be the lock of that script
        assert eventually(lambda: "GET /" in (tmp_path / "foreign.log").read_text())


def opened(pid):
    return {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}


CONTAINER = 'mount -o remount,bind,ro / && cd / && exec setpriv --reuid={0} --regid={0} --clear-groups "$0" "$@"'
APART = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "env", "-i"]


def can_be_apart():
    """Whether this machine lets us make namespaces, as a container has them."""
    run = subprocess.run([*APART, "sh", "-c", CONTAINER.format(0), "true"], capture_output=True, check=False)
    return run.returncode == 0


def test_as_the_first_process_of_a_container(program, folder):
    if not can_be_apart():
        pytest.skip("no namespaces here")
    inside = [*APART, f"PYTHONPATH={PACKAGES}", "PATH=/usr/bin:/bin", "sh", "-c", CONTAINER.format(STRANGER)]
    with Server(APP, options=["-w", "2"], program=[*inside, *program]) as server:
        (first,) = children(server.pid)
        before = children(first)
        assert len(before) == 2
        told = ask(server)
        assert told["now"]["uid"] == [STRANGER] * 3
        assert told["environ"] == {}
        for _ in range(3):
            ask(server, "/orphan")
        assert eventually(lambda: len(children(first)) == 2)  # no zombie stays
        assert children(first) == before
        os.kill(before[0], signal.SIGKILL)
        assert eventually(lambda: len(set(children(first)) - set(before)) == 1)
        server.log.wait_for("PD0340: worker 1 killed by SIGKILL")
        os.kill(first, signal.SIGTERM)
        server.wait()
    assert server.log.text.count("PD0") == 1


def children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

"""The CGI stub where there is too little of something: room, processes, descriptors, or a place of its own."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from support import stub as stubs
from support.server import PATIENCE
from support.stub import Site
from support.waiting import eventually

pytestmark = pytest.mark.timeout(180)
ERROR = (0, 500)
LONELY = itertools.count(20_000 + os.getpid() * 8 % 40_000)  # users whom nobody else is


@pytest.fixture
def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.kill()


def ask_through(site, words, env, **user):
    """A request without a body, by a program that becomes the stub."""
    with subprocess.Popen(
        words,
        env=env,
        cwd=site.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **user,
    ) as process:
        return stubs.finish(process)


@pytest.fixture
def limited(tmp_path):
    """Makes a request within limits of the shell; not sanitized, as that needs descriptors of its own."""
    site = Site(tmp_path, stubs.released())

    def ask(limit):
        words = ["/bin/sh", "-c", f'ulimit {limit} && exec "$0"', site.stub]
        return ask_through(site, words, stubs.REQUEST)

    ask.site = site
    yield ask
    site.kill()


def test_where_no_record_can_be_written_requests_run_as_cgi(limited):
    """Such as on a full disk; here a limit of file sizes."""
    answer = limited("-f 0")
    assert stubs.outcome(answer) == (0, 200)
    assert answer.text.startswith("cgi ")
    assert "PD0791: the lock file" in answer.errors
    assert stubs.outcome(limited.site.ask()) == (0, 200)


@pytest.fixture
def mounted(tmp_path):
    """Makes a request with another file system in the place of the state."""
    if os.geteuid():
        pytest.skip("needs root to mount")
    site = Site(tmp_path, stubs.released())
    site.state.mkdir(0o700)

    def ask(options):
        words = ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o {options} tmpfs "$1" && exec "$0"']
        answer = ask_through(site, [*words, site.stub, site.state], stubs.FOUND | stubs.REQUEST)
        if answer.errors.startswith(("unshare:", "mount:")):
            pytest.skip("root may not mount here")
        return answer

    ask.site = site
    yield ask
    site.kill()


def test_without_room_for_a_lock_file_one_request_at_a_time_runs_as_cgi(mounted):
    answer = mounted("mode=700,nr_inodes=1")
    assert stubs.outcome(answer) == (0, 200), answer
    assert answer.text.startswith("cgi ")
    assert f"PD0791: cannot use the lock file {mounted.site.lock}: No space left on device. Make room" in answer.errors


def test_a_state_that_is_read_only_is_moved(mounted):
    moved = stubs.fallback(mounted.site.config)
    mounted.site.lock = type(mounted.site.lock)(moved, "lock")
    try:
        answer = mounted("mode=700,ro")
        assert (*stubs.outcome(answer), answer.errors) == (0, 200, ""), answer
        assert answer.text.startswith("daemon ")
    finally:
        mounted.site.kill()
        shutil.rmtree(moved, ignore_errors=True)


@pytest.fixture
def lonely():
    """A site of a user who has no other processes, where this one may become another; runs it with a limit of them."""
    with tempfile.TemporaryDirectory(prefix="polydoor-") as folder:
        python = shutil.copy(stubs.standin(), folder)  # where any user can execute it
        site = Site(Path(folder), stubs.released(), python=python)
        user = {}
        if os.geteuid() == 0:
            user = {"user": (number := next(LONELY)), "group": number, "extra_groups": []}
            try:
                os.chown(folder, number, number)
            except OSError:
                pytest.skip("there is no other user here")
        forking = ["prlimit", "--nproc=1", "sh", "-c", "(true); true"]
        if subprocess.run(forking, cwd=folder, stderr=subprocess.DEVNULL, check=False, **user).returncode == 0:
            pytest.skip("processes of this user are not limited")

        def ask(most):
            if user:
                os.chown(site.config, user["user"], user["user"])
            words = ["prlimit", f"--nproc={most}", site.stub]
            return ask_through(site, words, stubs.FOUND | stubs.REQUEST, **user)

        ask.site, ask.user = site, user.get("user")
        yield ask
        site.kill()


@pytest.mark.parametrize("most", [1, 2])
def test_a_daemon_that_cannot_be_forked_is_not_tried_again_at_once(lonely, most):
    """Reliability of hosts that count processes: the first fork fails, or the second one."""
    starts, failures = [], []
    for _ in range(4):
        answer = lonely(most)
        assert stubs.outcome(answer) == (0, 200)
        assert answer.text.startswith("cgi ")
        starts.append(lonely.site.record()["started_ms"])
        failures.append(lonely.site.record()["failures"])
    assert all(second == first or second >= first + 1000 for first, second in itertools.pairwise(starts)), starts
    assert failures[0] == 1
    assert failures[-1] == len(set(starts))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be two users")
def test_a_neighbour_who_was_first_in_tmp_is_refused_and_the_remedy_named(lonely):
    lonely.site.write(state=None)
    planted = f"/tmp/polydoor-{lonely.user}"
    os.mkdir(planted, 0o777)
    try:
        answer = lonely(10)
        assert stubs.outcome(answer) == ERROR
        assert f"PD0791: state is not given, and {planted} is no directory of this user" in answer.errors
        assert f"Set `state` in {lonely.site.config} to a directory of this user's own" in answer.errors
        assert os.listdir(planted) == []
        lonely.site.write(state=str(lonely.site.state))
        assert stubs.outcome(lonely(10)) == (0, 200)
    finally:
        shutil.rmtree(planted)


def test_a_slow_log_of_the_web_server_stalls_nobody_else(site):
    """What is to be told is told when the gate is free."""
    site.state.mkdir(0o700)
    site.log.mkdir()
    reader, writer = os.pipe()
    size = fcntl.fcntl(writer, fcntl.F_GETPIPE_SZ)
    os.write(writer, b"x" * size)
    stalled = subprocess.Popen(
        [site.stub], env=stubs.FOUND | stubs.REQUEST, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=writer
    )
    try:
        assert eventually(lambda: site.lock.exists() and site.lock.stat().st_size and site.daemon())
        assert stubs.outcome(site.ask()) == (0, 200)
        assert stalled.poll() is None
        assert os.read(reader, size) == b"x" * size
        assert stalled.communicate(timeout=PATIENCE)[0].startswith(b"Status: 200 OK")
        assert b"PD0793: cannot write the log" in os.read(reader, size)
    finally:
        stalled.kill()
        os.close(reader)
        os.close(writer)


def test_a_daemon_that_cannot_have_its_descriptors_is_told(limited):
    answer = limited("-n 11")
    assert stubs.outcome(answer) == (0, 200)
    assert answer.text.startswith("cgi ")
    assert "PD0793: cannot pass descriptors to" in answer.errors
    assert limited.site.record()["failures"] == 1


def test_a_daemon_needs_few_descriptors(limited):
    answer = limited("-n 16")
    assert stubs.outcome(answer) == (0, 200)
    assert not answer.text.startswith("cgi ")

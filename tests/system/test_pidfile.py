"""`--pid FILE`: it names the process to signal as long as that serves, and nothing else afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from support.server import APPS, PATIENCE, Server

APP = f"{APPS}/trivial.py:app"
EACH = pytest.mark.parametrize("options", [[], ["-w", "2"]], ids=["one", "pool"])


def serve(tmp_path, *options):
    return Server(APP, cwd=tmp_path, options=["--pid", "shop.pid", *options])


def fail(tmp_path, *options):
    """What a start says that should fail."""
    command = [sys.executable, "-m", "polydoor", APP, "-b", "127.0.0.1:0", *options]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert run.returncode == 2, run.stderr
    return run.stderr


@EACH
def test_it_names_the_process_and_goes_with_it(tmp_path, options):
    with serve(tmp_path, *options) as server:
        assert (tmp_path / "shop.pid").read_text() == f"{server.pid}\n"
        assert (tmp_path / "shop.pid").stat().st_mode & 0o777 == 0o644
        assert server.doors[0].request("GET", "/").body == b"hello"
    assert os.listdir(tmp_path) == []


@EACH
def test_what_a_killed_server_left_is_taken_over_also_if_its_number_is_in_use(tmp_path, options):
    with serve(tmp_path, *options) as first:
        os.kill(first.pid, signal.SIGKILL)
        first.wait(status=-signal.SIGKILL)
    (tmp_path / "shop.pid").write_text(f"{os.getpid()}\n")  # of a process that lives and has no lock
    with serve(tmp_path, *options) as second:
        assert (tmp_path / "shop.pid").read_text() == f"{second.pid}\n"
    assert os.listdir(tmp_path) == []


def test_the_file_of_a_server_that_runs_is_left_alone(tmp_path):
    with serve(tmp_path, "-w", "1") as server:
        told = fail(tmp_path, "--pid", "shop.pid")
        assert told == (
            f"polydoor: PD0359: the pid file shop.pid belongs to a server that runs, process {server.pid}\n"
            "  Stop that one, or name another file.\n"
        )
        assert (tmp_path / "shop.pid").read_text() == f"{server.pid}\n"


@EACH
def test_a_file_that_says_something_else_by_now_stays(tmp_path, options):
    with serve(tmp_path, *options):
        (tmp_path / "shop.pid").write_text("1\n")
    assert (tmp_path / "shop.pid").read_text() == "1\n"


@EACH
def test_where_it_cannot_be_written_nothing_is_served(tmp_path, options):
    assert fail(tmp_path, "--pid", "absent/shop.pid", *options) == (
        "polydoor: PD0358: cannot write the pid file absent/shop.pid: No such file or directory\n"
        "  Name a file in a folder that this user may write to.\n"
    )
    assert "PD0358: cannot write the pid file .: Is a directory" in fail(tmp_path, "--pid", ".", *options)
    os.mkfifo(tmp_path / "fifo")
    assert "there is something that is not a file" in fail(tmp_path, "--pid", "fifo", *options)
    assert os.listdir(tmp_path) == ["fifo"]


@EACH
def test_an_application_that_does_not_load_leaves_none(tmp_path, options):
    (tmp_path / "broken.py").write_text("import os\nprint(open('shop.pid').read(), flush=True)\nraise RuntimeError")
    command = [sys.executable, "-m", "polydoor", "broken.py:app", "-b", "127.0.0.1:0", "--pid", "shop.pid", *options]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        out, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 3
        assert out.split()[0] == str(process.pid)  # it was there before
    assert not (tmp_path / "shop.pid").exists()


def test_a_link_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "shop.pid").symlink_to("precious")
    with serve(tmp_path) as server:
        assert (tmp_path / "shop.pid").read_text() == f"{server.pid}\n"
        assert (tmp_path / "precious").read_text() == "mine"

"""The parts of `make fresh-debian`, `make pythons` and `make test` that can be shown without a Debian of our own."""

import os
from pathlib import Path

import pytest

import debian_tree
import environment
import fresh_debian
import pythons
import run_tests

GREEN = """
---------------------------------- front ends ----------------------------------
3 missing (chromium, clang, nginx); 258 tests not run
they are installed by: sudo make test-deps
================= 3252 passed, 258 skipped in 81.40s (0:01:21) =================
"""
RED = "================== 3509 passed, 1 error in 131.98s (0:02:11) ===================\n"


class FakeDebian:
    """Answers each command with one result."""

    def __init__(self, status, output):
        self.done = debian_tree.Done(status, output, 1.0)

    def run(self, *command, **options):
        return self.done


@pytest.mark.parametrize("tool", [fresh_debian, pythons])
@pytest.mark.parametrize(
    ("output", "tally"), [(GREEN, "3252 passed, 258 skipped"), (RED, "3509 passed, 1 error"), ("= 5 passed\n", None)]
)
def test_last_line_of_pytest_is_found(tool, output, tally):
    assert tool.TALLY.findall(output) == ([tally] if tally else [])


def test_suite_tells_counts_time_and_front_ends():
    told = fresh_debian._suite(FakeDebian(0, GREEN), "visitor", "/clone").splitlines()[0]
    assert told == (
        "3252 passed, 258 skipped in 81 s; front ends: 3 missing (chromium, clang, nginx); 258 tests not run"
    )


@pytest.mark.parametrize(("status", "output"), [(1, GREEN), (0, ""), (0, RED)])
def test_suite_that_is_not_green_or_says_nothing_of_front_ends_fails(status, output):
    with pytest.raises(fresh_debian.PromiseError, match=f"^status {status}"):
        fresh_debian._suite(FakeDebian(status, output), "visitor", "/clone")


def test_what_needs_root_says_so(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(SystemExit, match="needs root: run it with sudo"):
        debian_tree.enter_private_mounts("tools/fresh_debian.py")


def test_what_needs_mmdebstrap_says_what_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as caught:
        debian_tree.enter_private_mounts("tools/fresh_debian.py")
    assert caught.value.code == "make: mmdebstrap is not there\n  apt install mmdebstrap"


@pytest.fixture
def ran(monkeypatch, tmp_path):
    """What `make test` would have run, which writes one file; its status is set by the test."""
    calls = {"status": 0}

    def run(*command, **variables):
        folder = Path(variables["TMPDIR"])
        (folder / "written").touch()
        calls.update(command=command, folder=folder)
        return calls["status"]

    monkeypatch.setattr(environment, "run", run)
    monkeypatch.setattr(run_tests.tempfile, "tempdir", str(tmp_path))
    return calls


@pytest.mark.parametrize("status", [0, 5])
def test_temporary_files_are_gone_behind_the_tests(ran, status):
    ran["status"] = status
    assert run_tests._run_pytest(["-x"], {}) == status
    assert not ran["folder"].exists()
    assert ran["command"] == (environment.PYTHON, "-m", "pytest", f"--basetemp={ran['folder']}/t", "-x")


def test_temporary_files_of_failed_tests_are_kept_and_named(ran, capsys):
    ran["status"] = 1
    assert run_tests._run_pytest([], {}) == 1
    assert (ran["folder"] / "written").exists()
    assert capsys.readouterr().out == f"make: what the failed tests wrote is in {ran['folder']}\n"

"""`make test`: what it starts, and what it ends with when a front end is not there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import environment
import run_tests

ROOT = Path(__file__).parents[2]

# The project's own conftest.py, but with one program that nobody has and one that everybody has.
PROGRAMS = '\nFEATURES.clear()\nPROGRAMS.clear()\nPROGRAMS.update(shell=("sh", "/bin/sh"))\n'
ABSENT = 'PROGRAMS.update(moonbase=("moonbase-server", "/nowhere/moonbase-server"))\n'
TESTS = """
import pytest

def test_without(): pass

@pytest.mark.frontend("shell")
def test_with_one_that_is_there(): pass

@pytest.mark.frontend("moonbase")
@pytest.mark.parametrize("n", range(3))
def test_with_one_that_is_absent(n): raise AssertionError("was run")
"""


@pytest.fixture
def inner(tmp_path):
    """Runs pytest over TESTS with the project's configuration; its status and its last lines."""
    (tmp_path / "test_inner.py").write_text(TESTS)

    def run(absent, *options, **variables):
        (tmp_path / "conftest.py").write_text((ROOT / "tests" / "conftest.py").read_text() + PROGRAMS + absent)
        kept = {key: value for key, value in os.environ.items() if key != "CI" and not key.startswith("PYTEST")}
        without = ["-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
        command = [sys.executable, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml", *without]
        done = subprocess.run(
            [*command, *options, tmp_path], env=kept | variables, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout

    return run


def test_the_end_tells_what_is_missing_and_what_installs_it(inner):
    status, said = inner(ABSENT, "-n", "2", "--dist", "worksteal")  # as `make test` does it
    assert status == 0, said
    *_, first, second, counts = said.splitlines()
    assert first == "1 missing (moonbase); 3 tests not run"
    assert second == "they are installed by: sudo make test-deps"
    assert counts.startswith("2 passed, 3 skipped in ")


def test_with_ci_set_a_missing_front_end_is_a_failure(inner):
    status, said = inner(ABSENT, CI="true")
    assert status == 1, said
    assert "front end missing: moonbase (`make test-deps` installs it)" in said
    assert said.splitlines()[-1].startswith("2 passed, 3 errors in ")


def test_with_all_there_nothing_is_missing(inner):
    status, said = inner("", "-k", "not absent")
    assert status == 0, said
    assert said.splitlines()[-2] == "none missing; 0 tests not run for want of one"


@pytest.fixture
def started(monkeypatch):
    """What run_tests starts: commands with their variables; pytest ends with 5."""
    calls = []
    monkeypatch.setattr(environment, "prepare", lambda *groups: calls.append(("prepare", groups)))
    monkeypatch.setattr(environment, "run", lambda *command, **variables: calls.append((command, variables)) or 5)
    for name in ("JOBS", "ARGS", "SCALE"):
        monkeypatch.delenv(name, raising=False)
    return calls


def test_the_environments_pytest_is_run_and_its_status_passed_on(started, monkeypatch):
    monkeypatch.setenv("ARGS", "-k 'scgi and not slow' -x")
    assert run_tests.main([]) == 5
    prepared, (command, variables) = started
    assert prepared == ("prepare", ("test",))
    assert (*command[:3], *command[4:]) == (
        *(environment.PYTHON, "-m", "pytest"),
        *("-n", "2", "--dist", "worksteal", "-k", "scgi and not slow", "-x"),
    )
    assert Path(command[3].removeprefix("--basetemp=")).parent == Path(variables["TMPDIR"])
    assert not Path(variables["TMPDIR"]).exists()  # it was made for this run alone


def test_soak_takes_the_full_volume_in_one_process(started, monkeypatch):
    monkeypatch.setattr(run_tests, "_raise_descriptor_limit", lambda: None)
    monkeypatch.setattr(run_tests, "_write_result", started.append)
    assert run_tests.main(["--soak"]) == 5
    (command, variables), scale = started[1:]
    assert command[4:8] == ("-n", "0", "-m", "soak or scaled")
    assert (variables["SCALE"], scale) == ("100", "100")

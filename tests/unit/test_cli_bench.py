"""`polydoor bench` hands over to the suite of the source tree that it stands in, and to no other."""

import os
import sys

import pytest

from polydoor.cli import main
from polydoor.cli.bench import find_suite


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A source tree as far as the command looks at it, with a suite that tells how it was called."""
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    (tmp_path / "benchmarks" / "run.py").write_text("import sys\nprint(sys.argv[1:])\nsys.exit(1)\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "polydoor"\n')
    monkeypatch.chdir(tmp_path / "benchmarks" / "results")
    return tmp_path


def test_the_suite_takes_over_with_all_options(tree, monkeypatch):
    called = []

    def execv(*words):
        called.append(words)
        raise SystemExit(7)  # as the real one, it does not return

    monkeypatch.setattr(os, "execv", execv)
    with pytest.raises(SystemExit):
        main(["bench", "--quick", "--only", "hello"])
    suite = str(tree / "benchmarks" / "run.py")
    assert called == [(sys.executable, [sys.executable, suite, "--quick", "--only", "hello"])]


def test_without_a_source_tree_one_message_says_where_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "--quick"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("polydoor: ")) == ("", 1)
    assert f"there is no source tree of Polydoor at {tmp_path}" in err
    assert "get Polydoor's source" in err


def test_benchmarks_of_another_project_are_not_started(tree):
    (tree / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    assert find_suite(str(tree / "benchmarks")) == ""
    (tree / "pyproject.toml").write_bytes(b"\xff")
    assert find_suite(str(tree)) == ""
    (tree / "pyproject.toml").unlink()
    assert find_suite(str(tree)) == ""


def test_help_needs_no_source_tree(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["bench", "--help", "--quick"]) == 0
    assert capsys.readouterr().out.startswith("usage: polydoor bench [OPTIONS OF THE SUITE]\n")

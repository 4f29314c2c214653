"""The checks of layers, manifest and docs find what they are for."""

import pytest

import check_docs
import check_layers
import check_manifest
import gen_drawings


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Write files below an empty root that the checks take for the project's."""
    for module in (check_docs, check_layers):
        monkeypatch.setattr(module, "ROOT", tmp_path)

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_our_own_tree_is_clean():
    assert list(check_layers.python_faults(check_layers.ROOT / "src" / "polydoor")) == []
    assert list(check_layers.c_faults(check_layers.ROOT / "core")) == []


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("settings/a.py", "from polydoor.worker import x", "settings may not use worker"),
        ("settings/a.py", "def f():\n    import polydoor.cli.main", "settings may not use cli"),
        ("worker/a.py", "from polydoor import cli", "worker may not use cli"),
        ("errors.py", "import polydoor.settings", "errors may not use settings"),
        ("errors.py", "import polydoor.states", "errors may not use states"),
        ("worker/a.py", "from . import b", "relative import"),
        ("novel/a.py", "", "the layer 'novel' is not in"),
        ("cli/a.py", "from polydoor.novel import b", "the layer 'novel' is not in"),
        ("__init__.py", "from polydoor.worker import b", "may not use worker"),
        ("__init__.py", "def f():\n    from polydoor.cli import b", "may not use cli"),
    ],
)
def test_python_that_imports_upwards(tree, tmp_path, name, text, fault):
    tree(f"src/polydoor/{name}", text)
    (found,) = check_layers.python_faults(tmp_path / "src" / "polydoor")
    assert fault in found


def test_python_that_imports_downwards(tree, tmp_path):
    lazy = "def f():\n    from polydoor.worker import b"
    tree("src/polydoor/__init__.py", f"from polydoor._version import __version__\n{lazy}")
    tree("src/polydoor/cli/a.py", "from polydoor import __version__, worker\nimport polydoor.errors, os")
    tree("src/polydoor/cli/b.py", "from polydoor.cli.a import x")
    assert list(check_layers.python_faults(tmp_path / "src" / "polydoor")) == []


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("base/a.c", '#include "codec/b.h"', "base may not use codec"),
        ("conn/a.c", '#include "loop/b.h"', "conn may not use loop"),
        ("loop/a.h", '#  include "engine/b.h"', "loop may not use engine"),
        ("codec/scgi.c", '#include "codec/http1.h"', "the protocol scgi includes the protocol http1"),
        ("engine/a.c", "#include <Python.h>", "core/ knows nothing of Python"),
    ],
)
def test_c_that_includes_upwards(tree, tmp_path, name, text, fault):
    for header in ("codec/b.h", "loop/b.h", "engine/b.h", "codec/http1.h"):
        tree(f"core/{header}", "")
    tree(f"core/{name}", f"\n{text}\n")
    (found,) = check_layers.c_faults(tmp_path / "core")
    assert found.startswith(f"core/{name}:2: ")
    assert fault in found


def test_c_that_includes_downwards(tree, tmp_path):
    tree("core/base/b.h", "")
    tree("core/codec/scgi.c", '#include <stdio.h>\n#include "base/b.h"\n')
    assert list(check_layers.c_faults(tmp_path / "core")) == []


def test_manifest_of_our_own_tree_is_whole():
    assert check_manifest.main([]) == 0


def test_manifest_names_both_sides():
    assert check_manifest.compare({"a.py", "b.py"}, {"b.py", "c.py"}, "list") == [
        "list lacks a.py",
        "list names c.py, which is not in the tree",
    ]


def test_docs_of_our_own_tree_are_whole():
    assert list(check_docs.faults()) == []


def test_drawing_of_another_table_is_stale():
    machines = [each for each in gen_drawings.python_machines() if each.key == "worker"]
    assert list(gen_drawings.stale(machines)) == [gen_drawings.PAGE]  # which shows more than the one
    machines[0].states[0].moves.append("EXITED")
    assert list(gen_drawings.stale(machines)) == [gen_drawings.PAGE, gen_drawings.FOLDER / "worker.svg"]


def test_dead_link_is_found(tree):
    page = tree("a.md", "[x](b.md) [y](https://example.org/) [z](a.md#part)")
    assert list(check_docs.dead_links(page)) == ["a.md:1: b.md is not there"]


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ("tests/unit/test_x.py::test_gone", "tests/unit/test_x.py has no test_gone"),
        ("tests/unit/test_gone.py", "tests/unit/test_gone.py is not there"),
        ("surely", "neither a test nor `not yet`"),
    ],
)
def test_status_that_names_no_test_is_found(tree, cell, fault):
    tree("tests/unit/test_x.py", "def test_here(): pass\n")
    rows = "| a | not yet |\n| b | tests/unit/test_x.py::test_here |\n"
    status = tree("docs/status.md", f"| promised | shown by |\n| --- | --- |\n{rows}| c | {cell} |\n")
    assert list(check_docs.missing_tests(status)) == [f"docs/status.md:5: {fault}"]

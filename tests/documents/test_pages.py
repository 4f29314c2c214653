"""Every command in the documentation is run, in the order in which a reader would type it."""

import re
from pathlib import Path

import pytest

from documents.pages import Left, read_page, stray_commands
from documents.session import Session, matches

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", *(page for page in (ROOT / "docs").rglob("*.md") if "_build" not in page.parts)],
)
STEPS = {page.relative_to(ROOT).as_posix(): read_page(page) for page in PAGES}
FOLLOWED = [name for name, steps in STEPS.items() if any(not isinstance(step, Left) for step in steps)]


@pytest.mark.parametrize("name", STEPS)
def test_page_has_no_command_that_no_test_finds(name):
    assert stray_commands(ROOT / name) == []


@pytest.mark.parametrize("name", STEPS)
def test_what_is_not_run_is_shown_by_a_test(name):
    for step in STEPS[name]:
        if isinstance(step, Left):
            text = (ROOT / step.path).read_text(encoding="utf-8")
            assert not step.test or re.search(rf"\bdef {step.test}\b", text), f"{name}:{step.line}"


@pytest.mark.timeout(180)
@pytest.mark.frontend("venv", "namespaces", "nginx")
@pytest.mark.parametrize("name", FOLLOWED)
def test_page_works_as_written(name, tmp_path, wheelhouse):
    with Session(tmp_path, wheelhouse) as session:
        for step in STEPS[name]:
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

"""`make docs`: checks the documentation and builds it as web pages in build/docs.

Links lead somewhere, docs/status.md names tests that exist, drawings and the reference fit their tables, and
Sphinx has nothing to complain about.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import environment
import gen_drawings
import gen_reference

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("*.md", "docs/**/*.md", "changes.d/*.md", "examples/**/*.md", "tests/corpus/README.md")
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
PAGES_BUILT = ROOT / "build" / "docs"
TEST = re.compile(r"((?:tests|tools)/[\w./-]+\.(?:py|c))(?:::(\w+))?")


def main() -> int:
    """Print every fault, build the pages, and return 1 if anything is wrong."""
    found = list(faults())
    for fault in found:
        print(fault, file=sys.stderr)
    environment.prepare_groups("docs")
    program = environment.VENV / "bin" / "sphinx-build"
    built = environment.run(program, "--quiet", "--fail-on-warning", "--keep-going", "docs", PAGES_BUILT)
    print(f"make: the pages are in {PAGES_BUILT.relative_to(ROOT)}/index.html")
    return 1 if found or built else 0


def faults() -> Iterator[str]:
    """Whatever in the documentation does not fit the tree."""
    for pattern in PAGES:
        for page in sorted(ROOT.glob(pattern)):
            yield from dead_links(page)
    for name in ("status.md", "habits.md"):
        yield from missing_tests(ROOT / "docs" / name)
    yield from (f"{path.relative_to(ROOT)} is stale: run tools/gen_drawings.py" for path in gen_drawings.stale())
    yield from gen_reference.stale()


def dead_links(page: Path) -> Iterator[str]:
    """Relative links of a page that lead nowhere."""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        for target in LINK.findall(line):
            if "://" not in target and not (page.parent / target).exists():
                yield f"{page.relative_to(ROOT)}:{number}: {target} is not there"


def missing_tests(table: Path) -> Iterator[str]:
    """Rows of a table that name nothing, or a test that does not exist."""
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), 1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or cells[-1] in {"shown by", "---", "not yet"} or cells[-1].startswith("later"):
            continue
        named = TEST.findall(cells[-1])
        if not named:
            yield f"docs/{table.name}:{number}: neither a test nor `not yet`"
        for path, test in named:
            text = (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).exists() else ""
            if not text:
                yield f"docs/{table.name}:{number}: {path} is not there"
            elif test and not re.search(rf"\bdef {test}\b", text):
                yield f"docs/{table.name}:{number}: {path} has no {test}"


if __name__ == "__main__":
    sys.exit(main())

"""Compares the package's files with what meson installs: meson leaves out, silently, what no file lists.

With a wheel as argument, the wheel itself is compared too.
"""

import re
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "polydoor"
INSTALLED = {".py", ".pyi", ".typed", ".conf", ".cfg", ".caddyfile", ".service"}  # the latter are templates
LISTED = re.compile(r"'([\w./-]+\.(?:py|pyi|typed|conf|cfg|caddyfile|service))'")


def main(wheels: list[str]) -> int:
    """Print every difference and return 1 if there is one."""
    tree = {str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*") if path.suffix in INSTALLED}
    faults = [*compare(tree, listed(), "src/polydoor/meson.build")]
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            names = [name.removeprefix("polydoor/") for name in archive.namelist() if name.startswith("polydoor/")]
        faults += compare(tree, {name for name in names if Path(name).suffix in INSTALLED}, wheel)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def listed() -> set[str]:
    """What the meson.build files of the package list, relative to the package."""
    found: set[str] = set()
    for build in PACKAGE.rglob("meson.build"):
        folder = build.parent.relative_to(PACKAGE)
        found |= {str(folder / name) for name in LISTED.findall(build.read_text(encoding="utf-8"))}
    return found


def compare(tree: set[str], other: set[str], name: str) -> list[str]:
    """Say what one side has and the other has not."""
    lost = [f"{name} lacks {path}" for path in sorted(tree - other)]
    return lost + [f"{name} names {path}, which is not in the tree" for path in sorted(other - tree)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

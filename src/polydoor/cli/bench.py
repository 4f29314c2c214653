"""`polydoor bench`: runs the benchmarks of the checkout that it is started in. They are no part of the package."""

from __future__ import annotations

import os
import sys

from polydoor.cli.arguments import HELP, VERSION
from polydoor.cli.command import Command
from polydoor.errors import ConfigError

SUITE = os.path.join("benchmarks", "run.py")
OURS = 'name = "polydoor"'  # a line of pyproject.toml
BENCH = Command(
    "polydoor bench [OPTIONS OF THE SUITE]",
    "Measures this Polydoor side by side with other servers, by the suite of the source tree that it is started in.",
    more="The suite is in benchmarks/ of Polydoor's source tree, where `make bench` does the same after a build; it is "
    "no part of the package. It needs a C compiler, and pip for the other servers. Options are handed on, such as "
    "--quick, --full, `--only hello` and `--report speed.html`; benchmarks/README.md there has them all.",
    has_settings=False,
)
ROWS = (BENCH,)


def main(argv: list[str]) -> int:
    """Become the suite, on this Python, so that the Polydoor that was called is the one that is measured."""
    if any(word in (*HELP, *VERSION) for word in argv):
        BENCH.parse([word for word in argv if word in (*HELP, *VERSION)])
        return 0
    suite = find_suite(os.getcwd())
    if suite:
        os.execv(sys.executable, [sys.executable, suite, *argv])  # noqa: S606 - a source tree that the user stands in
    raise ConfigError(
        f"there is no source tree of Polydoor at {os.getcwd()} or above it\n"
        "The benchmarks are not part of the package: get Polydoor's source (its repository or source distribution) "
        "and start\n`polydoor bench` in there, or `make bench`, which builds Polydoor first."
    )


def find_suite(folder: str) -> str:
    """The suite of the source tree that a folder is in, or nothing."""
    while True:
        suite = os.path.join(folder, SUITE)
        if os.path.isfile(suite) and _is_ours(os.path.join(folder, "pyproject.toml")):
            return suite
        above = os.path.dirname(folder)
        if above == folder:
            return ""
        folder = above


def _is_ours(path: str) -> bool:
    """Whether a pyproject.toml is that of Polydoor: the benchmarks of somebody else are not to be started."""
    try:
        with open(path, encoding="utf-8") as file:
            return OURS in file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return False

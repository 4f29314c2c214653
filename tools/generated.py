"""Files that are made from tables in the source: written, or compared with what is committed."""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


def run(script: str, make: Callable[[], dict[Path, str]], arguments: list[str] | None) -> int:
    """Write the files that `make` gives with their texts; with --check, return 1 and say so if one is out of date."""
    parser = argparse.ArgumentParser(prog=f"python3 tools/{script}", description="Write what is made from the source.")
    parser.add_argument("--check", action="store_true", help="fail when a committed file is out of date")
    if parser.parse_args(arguments).check:
        faults = list(stale(script, make()))
        print("\n".join(faults), end="\n" if faults else "", file=sys.stderr)
        return 1 if faults else 0
    for path, text in make().items():
        path.write_text(text, encoding="utf-8")
    return 0


def stale(script: str, files: dict[Path, str]) -> Iterator[str]:
    """What to say of each file that is not as it would be made."""
    for path, text in files.items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield f"{path.name} is out of date: run python3 tools/{script}"

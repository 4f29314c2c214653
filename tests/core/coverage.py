#!/usr/bin/env python3
"""Prints the branch coverage of core/codec and fails when a file is below 95 %: coverage.py [--missing].

The first column is what the corpus and the fuzz seeds reach, the second what they and the unit tests reach. Branches of
assertions are not counted: they guard our own invariants. `--missing` lists the lines with branches that are not taken.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "fuzz")]

import seeds  # noqa: E402

from support import cbuild, corpus  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST = 95.0


@dataclass
class Covered:
    """Branches of one file."""

    branches: int = 0
    taken: int = 0
    missing: list[int] = field(default_factory=list)

    @property
    def percent(self) -> float:
        return 100.0 * self.taken / self.branches if self.branches else 100.0


def run(command: Sequence[str | Path], notes: Path, data: bytes = b"") -> None:
    """Runs an instrumented program; what it counts goes below `notes`."""
    environment = {**os.environ, "GCOV_PREFIX": str(notes)}
    done = subprocess.run(command, input=data, capture_output=True, env=environment, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        sys.exit(f"{command[0]}: exit status {done.returncode}\n{said}")


def run_corpus_and_seeds(notes: Path, work: Path) -> None:
    cases = [case for path in corpus.documents() for case in corpus.read_document(path)]
    data = b"".join(map(corpus.request_of, cases))
    for name in ("corpus_driver", "torture_codec"):
        run([corpus.program(name, cbuild.COVERED)], notes, data)
    answers = [case for path in corpus.documents(corpus.CLIENTS) for case in corpus.read_document(path)]
    client = corpus.program("client_driver", cbuild.COVERED)
    run([client], notes, b"".join(map(corpus.request_of, answers)))
    seeds.write(work / "seeds")
    for target in cbuild.fuzz_targets():
        if (work / "seeds" / target).exists():
            sources = [cbuild.ROOT / "fuzz" / "standalone.c", *cbuild.fuzz_sources(target)]
            run([cbuild.build(f"fuzz_{target}", sources, cbuild.COVERED), work / "seeds" / target], notes)


def run_units(notes: Path) -> None:
    for path in sorted((ROOT / "tests" / "core").glob("test_*.c")):
        if '#include "codec/' in path.read_text():
            run([cbuild.build(path.stem, cbuild.unit_sources(path.stem), cbuild.COVERED)], notes)


def read_counts(notes: Path, source: Path) -> Covered:
    """What gcov says about one file."""
    compiled = cbuild.object_of(source, cbuild.COVERED)
    record = compiled.with_name(f"{source.stem}.new.gcno")
    place = Path(f"{notes}{record.parent}")
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy(record, place)
    command = ["gcov", "--json-format", "--stdout", "--branch-probabilities", str(place / record.name)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    covered = Covered()
    for file in json.loads(said)["files"]:
        if Path(file["file"]).name != source.name:
            continue
        for line in file["lines"]:
            counts = [branch["count"] for branch in line["branches"]]
            covered.branches += len(counts)
            covered.taken += sum(count > 0 for count in counts)
            covered.missing += [line["line_number"]] * (not all(counts))
    return covered


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missing", action="store_true")
    options = parser.parse_args()
    low = 0
    with tempfile.TemporaryDirectory() as folder:
        notes, work = Path(folder) / "notes", Path(folder)
        sources = cbuild.core_sources("codec")
        run_corpus_and_seeds(notes, work)
        first = [read_counts(notes, source) for source in sources]
        run_units(notes)
        second = [read_counts(notes, source) for source in sources]
    print(f"{'core/codec':<16}{'branches':>9}{'corpus':>9}{'+ units':>9}")
    for source, alone, both in zip(sources, first, second, strict=True):
        low += both.percent < LEAST or alone.percent < LEAST
        print(f"{source.name:<16}{both.branches:>9}{alone.percent:>8.1f}%{both.percent:>8.1f}%")
        if options.missing and alone.missing:
            print("    corpus and seeds miss", ", ".join(map(str, alone.missing)))
    total = sum(part.taken for part in first), sum(part.branches for part in first)
    print(f"{'all':<16}{total[1]:>9}{100 * total[0] / total[1]:>8.1f}%")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Builds the fuzz targets with clang and runs each for some seconds: run.py [--jobs N] [SECONDS] [TARGET ...].

Exits with 1 when a target found something; the input is then in fuzz/artifacts/.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "fuzz")]

import seeds  # noqa: E402

from support import cbuild  # noqa: E402

FUZZ = ROOT / "fuzz"
WORK = cbuild.CACHE / "fuzz"
TARGETS = cbuild.fuzz_targets()
FLAGS = (
    *cbuild.COMMON,
    "-O1",
    "-fno-omit-frame-pointer",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
)


def find_clang() -> str:
    """The compiler that has libFuzzer."""
    candidates = [os.environ.get("CLANG", ""), "clang", *(f"clang-{n}" for n in range(22, 13, -1))]
    for name in candidates:
        if name and shutil.which(name):
            return name
    sys.exit("fuzz/run.py needs clang with libFuzzer: apt install clang libclang-rt-14-dev")


def build(target: str, clang: str) -> Path:
    """Compiles a target; the coverage of all its files guides the fuzzer."""
    flags = [*FLAGS, "-fsanitize=fuzzer-no-link"]
    return cbuild.build(f"fuzz_{target}", cbuild.fuzz_sources(target), flags, clang, ["-fsanitize=fuzzer"])


def run(target: str, program: Path, seconds: int) -> str:
    """Runs one target; returns a line about it, or raises with what it found."""
    learned = WORK / "learned" / target
    seed_folder = WORK / "seeds" / target
    for folder in (learned, seed_folder, FUZZ / "artifacts"):
        folder.mkdir(parents=True, exist_ok=True)
    command: list[str | Path] = [
        program,
        f"-max_total_time={seconds}",
        "-max_len=8192",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
        f"-artifact_prefix={FUZZ / 'artifacts' / target}-",
        learned,
        seed_folder,
    ]
    dictionary = FUZZ / f"{target}.dict"
    if dictionary.exists():
        command.insert(1, f"-dict={dictionary}")
    ran = subprocess.run(command, capture_output=True, check=False, cwd=ROOT)
    said = ran.stderr.decode(errors="replace")
    executed = re.search(r"number_of_executed_units: (\d+)", said)
    edges = re.findall(r"cov: (\d+)", said)
    if ran.returncode or not executed or not edges:
        tail = "\n".join(said.splitlines()[-60:])
        raise RuntimeError(f"{target}: exit status {ran.returncode}\n{tail}")
    return f"{target}: {int(executed[1]):,} inputs, {edges[-1]} edges, no finding"


def main() -> int:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", nargs="?", type=int, default=60)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="targets that run at the same time")
    options = parser.parse_args()
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"unknown target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    clang = find_clang()
    targets = options.targets or TARGETS
    programs = {target: build(target, clang) for target in targets}
    seeds.write(WORK / "seeds")
    found = 0
    with ThreadPoolExecutor(max_workers=options.jobs) as pool:
        runs = {target: pool.submit(run, target, programs[target], options.seconds) for target in targets}
        for future in runs.values():
            try:
                print(future.result(), flush=True)
            except RuntimeError as error:
                found += 1
                print(error, flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

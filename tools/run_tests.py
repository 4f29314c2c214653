"""`make test` and `make soak`: build Polydoor if needed and run the tests against the installed package."""

import os
import platform
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import environment

SOAK_SCALE = "100"  # percent of the full counts
SOAK_RESULT = environment.ROOT / "docs" / "soak.md"
SOAK_REPORT = environment.ROOT / "build-tests" / "soak.xml"
DESCRIPTORS = 12288  # 10 000 connections, and what else is open


def main(arguments: list[str]) -> int:
    """Run pytest; its exit status is ours."""
    environment.prepare("test")
    is_soak = "--soak" in arguments
    options = ["-n", os.environ.get("JOBS") or "2", "--dist", "worksteal"]
    variables = {}
    if is_soak:
        _raise_descriptor_limit()
        options = ["-n", "0", "-m", "soak or scaled", "--timeout", "3600", f"--junitxml={SOAK_REPORT}"]
        variables["SCALE"] = os.environ.get("SCALE") or SOAK_SCALE
    options += shlex.split(os.environ.get("ARGS", ""))
    status = _run_pytest(options, variables)
    if is_soak:
        _write_result(variables["SCALE"])
    return status


def _run_pytest(options: list[str], variables: dict[str, str]) -> int:
    """Run pytest with a folder for temporary files that is gone afterwards, unless a failed test may be looked into."""
    folder = Path(tempfile.mkdtemp(prefix="pd-"))  # short: paths of Unix sockets have at most 107 bytes
    folder.chmod(0o711)  # front ends that give up root must get through to what a test opens to them
    command = ("-m", "pytest", f"--basetemp={folder / 't'}", *options)
    status = environment.run(environment.PYTHON, *command, **variables | {"TMPDIR": str(folder)})
    if status == 1:
        print(f"make: what the failed tests wrote is in {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return status


def _raise_descriptor_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _write_result(scale: str) -> None:
    """Keep what the soak showed: it is committed, so that everybody can see when it last ran and on what."""
    git = ["git", "-C", str(environment.ROOT), "describe", "--always", "--dirty"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    cases = list(ET.parse(SOAK_REPORT).getroot().iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    lines = [
        "# The last soak",
        "",
        "Written by `make soak`: the tests whose volume follows SCALE, at the full one. Seeds are fixed in the tests.",
        "",
        f"- commit {commit}, {datetime.now(UTC):%Y-%m-%d}, SCALE={scale}",
        f"- Linux {platform.release()}, Python {platform.python_version()}, {os.cpu_count()} cores",
        f"- {len(cases)} tests, {len(failed)} failed",
        "",
        "| test | seconds | result |",
        "| --- | ---: | --- |",
    ]
    for case in cases:
        name = f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}".replace("|", "\\|")
        lines.append(f"| `{name}` | {float(case.get('time', 0)):.1f} | {'failed' if case in failed else 'passed'} |")
    SOAK_RESULT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

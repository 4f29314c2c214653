"""No failed allocation crashes, leaks, or changes a result without a refusal."""

from __future__ import annotations

import re
import subprocess

import pytest

from support import cbuild, corpus


@pytest.mark.parametrize("protocol", list(corpus.REQUESTS))
def test_every_allocation_of_every_case_may_fail(protocol: str) -> None:
    paths = [path for path in corpus.documents() if path.relative_to(corpus.FOLDER).parts[0] == protocol]
    cases = [case for path in paths for case in corpus.read_document(path)]
    assert corpus.torture("torture_codec", cases) > len(cases) > 0


@pytest.mark.timeout(300)  # 17 s of a processor; the program has its own alarm
def test_every_call_of_the_engine_may_fail() -> None:
    program = cbuild.build("torture_conn", cbuild.unit_sources("torture_conn", "torture_judge", "torture_scripts"))
    ran = subprocess.run([program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{ran.stdout[-4000:]}{ran.stderr[-4000:]}"
    counts = re.fullmatch(r"(\d+) runs, (\d+) faults, 0 failures\n", ran.stdout)
    assert counts
    assert int(counts[2]) > int(counts[1]) > 1000

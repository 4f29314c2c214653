"""Processor time of a process tree, of real processes."""

import os
import subprocess
import sys
import time

import pytest

import measure

# Burns `seconds` of processor time in a place, says so, and waits for the end of its input.
BURN = """
import subprocess, sys, threading, time
def burn(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
{how}
print("done", flush=True)
sys.stdin.read()
"""
THREAD = "t = threading.Thread(target=burn, args=(0.2,)); t.start(); t.join()"
CHILD_CODE = (
    "import time\\nend = time.process_time() + 0.2\\nwhile time.process_time() < end: pass\\n"
    "print(1, flush=True)\\ninput()"
)
CHILD = f"""
child = subprocess.Popen([sys.executable, "-c", "{CHILD_CODE}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
"""
DEAD_CHILD = f"{CHILD}child.communicate(b'\\\\n')"


@pytest.mark.parametrize("how", [THREAD, CHILD, DEAD_CHILD], ids=["dead thread", "child", "dead child"])
def test_nothing_of_the_tree_is_left_out(how):
    with subprocess.Popen(
        [sys.executable, "-c", BURN.format(how=how)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"done\n"
        assert 0.19 < measure.tree_seconds(process.pid) < 10
        process.communicate()


def test_clock_is_that_of_the_process():
    mine = measure.tree_seconds(os.getpid())
    assert mine >= time.process_time() - 0.1


def test_ended_process_is_told():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with pytest.raises(measure.ProcessEndedError, match=f"{process.pid} has ended"):
        measure.tree_seconds(process.pid)

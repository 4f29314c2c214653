"""Whether threads may change how they are scheduled, where a filter of system calls is in force."""

import io
import os
import signal

import pytest

from polydoor.worker import scheduling

FILTERED = b"Name:\tpython\nSeccomp:\t2\nSeccomp_filters:\t1\n"


@pytest.fixture
def status(monkeypatch):
    """A process that reads this of itself."""

    def be(text):
        monkeypatch.setattr(scheduling, "open", lambda *_args, **_more: io.BytesIO(text), raising=False)

    return be


def test_without_a_filter_nothing_is_tried(status, monkeypatch):
    status(FILTERED.replace(b"2", b"0"))
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a child was made"))
    assert scheduling.is_safe(is_guest=False)


def test_where_nothing_can_be_read_nothing_is_tried(monkeypatch, tmp_path):
    monkeypatch.setattr(scheduling, "STATUS", str(tmp_path / "absent"))
    assert scheduling.is_safe(is_guest=True)


def test_a_filter_that_lets_it_pass_is_no_danger(status):
    status(FILTERED)
    policy = os.sched_getscheduler(0)
    assert scheduling.is_safe(is_guest=False)
    assert os.sched_getscheduler(0) == policy


def test_a_refusal_is_no_danger(status, monkeypatch):
    def refuse(*_args):
        raise PermissionError(1, "Operation not permitted")

    status(FILTERED)
    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    assert scheduling.is_safe(is_guest=False)


def test_a_child_that_is_killed_for_it_is_a_warning(status, monkeypatch):
    status(FILTERED)
    monkeypatch.setattr(os, "sched_setscheduler", lambda *_args: os.kill(os.getpid(), signal.SIGKILL))
    assert not scheduling.is_safe(is_guest=False)


def test_a_guest_makes_no_child(status, monkeypatch):
    status(FILTERED)
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a child was made"))
    assert not scheduling.is_safe(is_guest=True)

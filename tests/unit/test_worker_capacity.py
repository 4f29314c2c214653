"""How many connections fit, and what is said when they are fewer than asked for."""

import resource

import pytest

from polydoor.errors import BootError, ConfigError
from polydoor.settings.load import from_keywords
from polydoor.worker import capacity


@pytest.fixture
def limit(monkeypatch):
    """A process with limits of its own choice; returns what was set."""

    def make(soft, hard):
        now = [soft]
        monkeypatch.setattr(capacity.os, "sysconf", lambda _name: now[0])
        monkeypatch.setattr(resource, "getrlimit", lambda _what: (soft, hard))
        monkeypatch.setattr(resource, "setrlimit", lambda _what, pair: now.__setitem__(0, pair[0]))
        return now

    return make


def test_a_low_soft_limit_is_raised_as_far_as_needed(limit, capsys):
    now = limit(1024, 1_000_000_000)
    assert capacity.fit_connections(16384) == 16384
    assert now == [16384 + capacity.SPARE]
    assert capsys.readouterr().err == ""


def test_a_high_limit_is_left_alone(limit):
    now = limit(1_000_000_000, 1_000_000_000)
    assert capacity.fit_connections(16384) == 16384
    assert now == [1_000_000_000]


def test_a_low_hard_limit_means_fewer_connections(limit, capsys):
    limit(1024, 4096)
    assert capacity.fit_connections(16384) == 4096 - capacity.SPARE
    assert capsys.readouterr().err.startswith("polydoor: PD0304: 4032 connections fit into the limit of 4096 ")


def test_a_limit_below_which_nothing_works_is_an_error(limit, capsys):
    limit(10, capacity.LEAST)
    assert capacity.fit_connections(16384) == capacity.LEAST // 2
    limit(10, capacity.LEAST - 1)
    with pytest.raises(BootError, match="^the process may have 31 descriptors, and at least 32 are needed to serve"):
        capacity.fit_connections(16384)
    assert capsys.readouterr().err.count("PD0304") == 1


def test_a_limit_that_may_not_be_raised_stays(limit, monkeypatch):
    limit(100, 4096)
    monkeypatch.setattr(resource, "setrlimit", lambda _what, _pair: (_ for _ in ()).throw(OSError("forbidden")))
    assert capacity.fit_connections(16384) == 50


def test_a_folder_for_spill_files_that_was_named_has_to_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spill").mkdir()
    assert capacity.spill_folder(from_keywords(spill_dir="spill")) == str(tmp_path / "spill")
    assert capacity.spill_folder(from_keywords()) == ""
    for folder, reason in (("absent", "No such file"), ("/proc", ""), ("/" + "a" * 255, "the path has more")):
        with pytest.raises(ConfigError, match=f"^spill_dir: cannot make spill files in {folder}: {reason}") as caught:
            capacity.spill_folder(from_keywords(spill_dir=folder))
        assert caught.value.code == "PD0020"


def test_a_backlog_that_fits_is_not_mentioned(tmp_path, monkeypatch, capsys):
    (tmp_path / "somaxconn").write_text("4096\n", encoding="ascii")
    monkeypatch.setattr(capacity, "SOMAXCONN", str(tmp_path / "somaxconn"))
    capacity.check_backlog(4096)
    assert capsys.readouterr().err == ""
    capacity.check_backlog(4097)
    assert capsys.readouterr().err.startswith("polydoor: PD0231: the kernel shortens the backlog of 4097 to 4096 ")
    monkeypatch.setattr(capacity, "SOMAXCONN", str(tmp_path / "absent"))
    capacity.check_backlog(4097)
    assert capsys.readouterr().err == ""

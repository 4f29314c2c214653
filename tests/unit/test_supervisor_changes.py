"""Which changes of files mean a reload: with a clock on paper, and real files."""

import os

import pytest

from polydoor.settings.load import from_keywords, load
from polydoor.supervisor.changes import LONGEST_S, LOOK_S, QUIET_S, Changes


class Watched:
    """Changes with a clock that a test turns."""

    def __init__(self, *options):
        words = dict.fromkeys(options[::2], ())
        said = {
            name: [text for key, text in zip(options[::2], options[1::2], strict=True) if key == name] for name in words
        }
        self.changes = Changes(load({}, said))
        self.now = 100.0
        assert self.look() == ""

    def look(self, after=LOOK_S):
        self.now += after
        return self.changes.look(self.now)

    def next(self):
        """What is found by the look that notices, and the one after it."""
        return self.look(), self.look(QUIET_S)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_loaded_file_counts_when_it_is_written_or_replaced(folder):
    path = folder / "shop.py"
    path.write_text("a = 1")
    watched = Watched("reload", "1")
    watched.changes.add([str(path)])
    assert watched.next() == ("", "")
    path.write_text("a = 12")
    assert watched.next() == ("", str(path))
    (folder / "new").write_text("a = 13")
    (folder / "new").replace(path)
    assert watched.next() == ("", str(path))
    assert watched.next() == ("", "")


@pytest.mark.parametrize("step", [QUIET_S, 1.0], ids=["often", "as a daemon behind the CGI stub"])
def test_what_changes_all_the_time_is_no_reason_to_wait_for_ever(step, folder):
    path = folder / "tmp/restart.txt"
    path.parent.mkdir()
    watched = Watched()
    seen = []
    for number in range(round(3 * LONGEST_S / step)):
        path.write_text("x" * number)
        seen.append(watched.look(step))
    assert seen.count(str(path)) >= 2
    assert seen[: round(LONGEST_S / step)] == [""] * round(LONGEST_S / step)  # at first the end is waited for


def test_nothing_is_done_before_the_last_of_several_changes(folder):
    paths = [folder / f"{number}.py" for number in range(3)]
    watched = Watched("reload", "1")
    for path in paths:
        path.touch()
    watched.changes.add(map(str, paths))
    for path in paths:
        path.write_text("x")
        assert watched.look(QUIET_S if path != paths[0] else LOOK_S) == ""
    assert watched.look(QUIET_S) == str(paths[-1])


def test_what_is_gone_counts_when_it_is_back(folder):
    path = folder / "shop.py"
    path.write_text("a = 1")
    watched = Watched("reload", "1")
    watched.changes.add([str(path)])
    path.unlink()
    assert watched.next() == ("", "")
    path.write_text("a = 22")
    assert watched.next() == ("", str(path))


def test_patterns_count_with_files_that_are_made_later(folder):
    (folder / "templates" / "deep").mkdir(parents=True)
    watched = Watched("reload", "1", "reload_extra", "templates/**/*.html")
    path = folder / "templates" / "deep" / "a.html"
    path.write_text("x")
    assert watched.next() == ("", str(path))
    path.write_text("xy")
    assert watched.next() == ("", str(path))
    (folder / "templates" / "deep" / "a.txt").write_text("x")
    assert watched.next() == ("", "")


def test_touched_files_count_without_reload_and_nothing_else_does(folder):
    watched = Watched("touch_reload", "deployed", "app_dir", "site")
    watched.changes.add([__file__])
    (folder / "other").touch()
    assert watched.next() == ("", "")
    (folder / "deployed").touch()
    assert watched.next() == ("", str(folder / "deployed"))
    (folder / "site" / "tmp").mkdir(parents=True)
    restart = folder / "site" / "tmp" / "restart.txt"
    restart.touch()
    assert watched.next() == ("", str(restart))
    os.utime(restart, (1, 1))
    assert watched.next() == ("", str(restart))
    restart.unlink()
    assert watched.next() == ("", "")


def test_configuration_and_variables_count(folder):
    (folder / ".env").write_text("A=1")
    watched = Watched("reload", "1", "env_file", ".env")
    (folder / ".env").write_text("A=12")
    assert watched.next() == ("", str(folder / ".env"))


def test_a_program_that_serves_by_itself_restarts_itself():
    with pytest.raises(Exception, match="reload has no effect here"):
        from_keywords(reload=True)

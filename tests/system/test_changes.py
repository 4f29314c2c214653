"""Restart on change, with real files and processes."""

from __future__ import annotations

import pytest

from support.server import Server
from support.waiting import eventually

CODE = """
from word import WORD

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(WORD)))])
    if environ["PATH_INFO"] == "/later":
        import later
        return [later.WORD]
    return [WORD]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An application of three modules, two of which are loaded at the start."""
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    (tmp_path / "shop.py").write_text(CODE)
    (tmp_path / "word.py").write_text('WORD = b"old"\n')
    (tmp_path / "later.py").write_text('WORD = b"Old"\n')
    return tmp_path


def serve(folder, *options):
    return Server("shop:app", cwd=folder, options=["--no-access-log", *options])


def ask(server, path="/"):
    return server.doors[0].request("GET", path).body


def serves(server, body, path="/"):
    """The old worker may take one more connection before it hears that it is to leave."""
    server.log.wait_for("reloaded: ")
    assert eventually(lambda: ask(server, path) == body)


@pytest.mark.parametrize("how", ["inotify", "without"])
def test_code_that_changes_is_loaded_anew(folder, monkeypatch, how):
    if how == "without":  # a library that hides what the system has
        (folder / "ctypes.py").write_text("raise OSError(38, 'no inotify here')\n")
        monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    with serve(folder, "--reload") as server:
        assert ask(server) == b"old"
        (folder / "word.py").write_text('WORD = b"new"\n')
        server.log.wait_for(f"{folder}/word.py has changed; loading anew")
        serves(server, b"new")


def test_a_module_that_is_loaded_later_counts(folder):
    with serve(folder, "--reload") as server:
        assert ask(server, "/later") == b"Old"
        # Told within a second; each change before that is seen by nobody, so there are several.
        for number in range(100, 130):
            (folder / "later.py").write_text(f'WORD = b"{number}"\n')
            if server.log.wait_until(lambda lines: any("later.py has changed" in line for line in lines), 0.3):
                break
        serves(server, str(number).encode(), "/later")


def test_a_broken_change_leaves_the_old_code_and_correcting_it_is_enough(folder):
    with serve(folder, "--reload") as server:
        (folder / "shop.py").write_text("import fresh\n" + CODE)  # which no worker has ever loaded
        server.log.wait_for("the reload changed nothing, the old workers serve on")
        assert ask(server) == b"old"
        (folder / "fresh.py").write_text("def broken(:\n")
        (folder / "shop.py").write_text("import fresh # again\n" + CODE)
        server.log.wait_for("SyntaxError")
        assert ask(server) == b"old"
        (folder / "word.py").write_text('WORD = b"new"\n')
        (folder / "fresh.py").write_text("fine = True\n")
        serves(server, b"new")


def test_variables_and_configuration_are_read_anew(folder):
    (folder / "shop.py").write_text(CODE.replace("from word import WORD", "import os\nWORD = os.environb[b'WORD']"))
    (folder / ".env").write_text("WORD=old\n")
    with serve(folder, "--reload", "--env-file", ".env") as server:
        assert ask(server) == b"old"
        (folder / ".env").write_text("WORD=new\n")
        serves(server, b"new")


@pytest.mark.parametrize("name", ["tmp/restart.txt", "deployed"])
def test_a_touched_file_means_a_reload(folder, name):
    (folder / "tmp").mkdir()
    with serve(folder, "--touch-reload", "deployed", "-w", "1") as server:  # a second one might load what is new
        (folder / "word.py").write_text('WORD = b"new"\n')
        assert ask(server) == b"old"
        (folder / name).touch()
        serves(server, b"new")
    assert "word.py" not in server.log.text

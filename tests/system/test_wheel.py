"""The wheel: it holds the whole package, and runs where there is nothing but an interpreter."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import check_manifest

ROOT = Path(__file__).parents[2]
SERVE_ONE = """
import re, signal, socket, subprocess, sys
server = subprocess.Popen([sys.executable, "-m", "polydoor", "guestbook", "-b", "127.0.0.1:0",
                           "--no-access-log"],
                          stderr=subprocess.PIPE, text=True, cwd=sys.argv[1])
port = next(int(found[1]) for line in server.stderr if (found := re.search(r"http://127.0.0.1:(\\d+)", line)))
with socket.create_connection(("127.0.0.1", port)) as peer:
    peer.sendall(b"GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n")
    print(peer.recv(100).split(b"\\r\\n")[0].decode())
server.send_signal(signal.SIGTERM)
server.stderr.read()
sys.exit(server.wait())
"""


@pytest.fixture(scope="module")
def wheel(wheelhouse):
    """The file itself."""
    (found,) = wheelhouse.glob("*.whl")
    return found


def test_wheel_holds_every_file_of_the_package(wheel):
    assert check_manifest.main([str(wheel)]) == 0
    with zipfile.ZipFile(wheel) as archive:
        extensions = [name for name in archive.namelist() if re.fullmatch(r"polydoor/bridge/_engine\..*\.so", name)]
        (stub,) = [name for name in archive.namelist() if re.fullmatch(r"polydoor-.*\.data/scripts/polydoor-cgi", name)]
        assert archive.getinfo(stub).external_attr >> 16 & 0o111
        assert archive.read(stub).startswith(b"\x7fELF")
    assert len(extensions) == 1


def test_wheel_needs_no_other_package_and_names_its_licence(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(name).decode()
    assert "Requires-Dist" not in metadata
    assert "\nLicense-Expression: BSD-3-Clause\n" in metadata
    assert "\nRequires-Python: >=3.11\n" in metadata


def pip():
    """A Python that has pip: this one, or the one that the environment was made of."""
    for python in (sys.executable, getattr(sys, "_base_executable", sys.executable)):
        found = subprocess.run([python, "-m", "pip", "--version"], capture_output=True, check=False)
        if found.returncode == 0:
            return [python, "-m", "pip"]
    raise AssertionError("no pip, neither here nor in the Python that this environment was made of")


def test_pip_installs_the_wheel_where_there_is_no_compiler(wheel, tmp_path):
    fresh = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", fresh], check=True)
    bare = {"PATH": str(fresh / "bin"), "HOME": str(tmp_path), "GUESTBOOK_DB": str(tmp_path / "book.db")}
    assert [name for name in ("cc", "gcc", "clang", "meson", "ninja") if shutil.which(name, path=bare["PATH"])] == []
    install = [*pip(), "--python", fresh / "bin" / "python", "--isolated", "install", "--no-index", wheel]
    done = subprocess.run(install, env=bare, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    named = subprocess.run([fresh / "bin" / "polydoor", "--help"], env=bare, capture_output=True, check=False)
    assert (named.returncode, named.stderr) == (0, b"")
    serve = [fresh / "bin" / "python", "-c", SERVE_ONE, str(ROOT / "examples" / "guestbook")]
    done = subprocess.run(serve, env=bare, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "HTTP/1.1 200 OK\n", "")


def test_wheel_runs_where_there_is_no_compiler(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    env = {"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path / "site"), "GUESTBOOK_DB": str(tmp_path / "book.db")}
    command = [sys.executable, "-S", "-c", SERVE_ONE, str(ROOT / "examples" / "guestbook")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "HTTP/1.1 200 OK\n", "")

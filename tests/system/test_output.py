"""Standard output that cannot be written to: each command says so in one line, or nothing where nobody reads."""

import os
import subprocess
import sys

import pytest

COMMANDS = ["--help", "--version", "config --help", "config show", "config schema", "check --help", "check shop.py"]
APP = "def app(environ, start_response):\n    return []\n"
START = [sys.executable, "-c", "import sys; from polydoor.cli import main; sys.exit(main())"]


@pytest.fixture(params=COMMANDS)
def words(request, tmp_path):
    (tmp_path / "shop.py").write_text(APP, encoding="utf-8")
    return request.param.split()


def run(words, folder, *, prefix=(), env=None, **options):
    process = subprocess.run(
        [*prefix, *START, *words],
        cwd=folder,
        env=os.environ | (env or {}),
        stderr=subprocess.PIPE,
        check=False,
        **options,
    )
    return process.returncode, process.stderr.decode()


def test_a_full_disk(words, tmp_path):
    with open("/dev/full", "wb") as full:
        status, said = run(words, tmp_path, stdout=full)
    assert (status, said) == (
        1,
        "polydoor: PD0019: cannot write to standard output: No space left on device\n",
    )


def test_no_standard_output(words, tmp_path):
    status, said = run(words, tmp_path, prefix=("sh", "-c", 'exec "$@" >&-', "sh"))
    assert (status, said) == (1, "polydoor: PD0019: cannot write to standard output: it is closed\n")


def test_nobody_reads(words, tmp_path):
    read, write = os.pipe()
    os.close(read)
    try:
        status, said = run(words, tmp_path, stdout=write)
    finally:
        os.close(write)
    assert (status, said) == (141, "")


def test_what_the_encoding_lacks_is_escaped(tmp_path):
    (tmp_path / "läden.py").write_text(APP, encoding="utf-8")
    process = subprocess.run(
        [*START, "check", "läden.py", "-b", "unix:läden"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"},
        capture_output=True,
        check=True,
    )
    assert process.stdout == b"polydoor: all is well: l\\xe4den.py:app for unix:l\\xe4den\n"


def test_what_steers_a_terminal_is_escaped(tmp_path):
    (tmp_path / "a\x1b[2Jb.py").write_text(APP, encoding="utf-8")
    process = subprocess.run([*START, "check", "a\x1b[2Jb.py"], cwd=tmp_path, capture_output=True, check=True)
    assert process.stdout.startswith(b"polydoor: all is well: a\\x1b[2Jb.py:app for ")

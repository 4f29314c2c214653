"""What a person reads: each golden file is compared whole with what the real command says (tests/golden/README.md)."""

import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.server import Log
from system.messages import CASES

GOLDEN = Path(__file__).parents[1] / "golden" / "messages"
KEPT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME")
PATIENCE = 30
PROGRAMS = {
    "polydoor": ("-c", "import sys; from polydoor.cli import main; sys.exit(main())"),
    "flask": (  # our command is put in by hand: not every tree that is tested has been installed with its entry points
        "-c",
        "from flask.cli import cli, main; from polydoor.flask import command; cli.add_command(command); main()",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_message(name, tmp_path):
    case = CASES[name]
    if case.unless:
        pytest.skip(case.unless)
    with ExitStack() as stack:
        meanings = prepare(case, stack, tmp_path)
        status, said = run(case, meanings, tmp_path)
    if case.serves:
        meanings["PID"] = re.findall(r"pid (\d+)", said)[-1]
        meanings["PORT"] = re.findall(r"http://127\.0\.0\.1:(\d+)", said)[-1]
    before = "".join(f"{variable}={value} " for variable, value in case.env.items())
    shown = f"$ {before}{case.command}\n{masked(said, meanings)}exit status {status}\n"
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("POLYDOOR_TEST_WRITE"):
        golden.write_text(shown, encoding="utf-8")
    assert shown == golden.read_text(encoding="utf-8")


def prepare(case, stack, folder):
    for path, text in case.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return (case.prepare(stack, folder) if case.prepare else {}) | {"/HERE": str(folder), "PYTHON": sys.executable}


def run(case, meanings, folder):
    """The exit status and what came to standard error; nothing may come to standard output."""
    words = case.command
    for placeholder in ("/HERE", "PORT"):
        words = words.replace(placeholder, meanings.get(placeholder, placeholder))
    program, *words = shlex.split(words)
    process = subprocess.Popen(
        [*case.prefix, sys.executable, *PROGRAMS[program], *words],
        cwd=folder,
        env={key: os.environ[key] for key in KEPT if key in os.environ} | {"NO_COLOR": "1"} | case.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    log, output = Log(process.stderr), Log(process.stdout)
    try:
        if case.serves:
            log.wait_for("Ctrl-C stops")
            process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
        log.join()
        output.join()
        process.stderr.close()
        process.stdout.close()
    assert output.text == ""
    return process.returncode, log.text.replace("\x1b", "\\e") + "\n"


def masked(text, meanings):
    """Put placeholders for what differs from run to run."""
    for placeholder, meaning in sorted(meanings.items(), key=lambda pair: -len(pair[1])):
        if meaning.isdigit():
            text = re.sub(rf"\b{meaning}\b", placeholder, text)
        elif len(meaning) > 1:
            text = text.replace(meaning, placeholder)
    return text


def test_every_golden_file_belongs_to_a_case():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(CASES)


def test_no_message_is_a_wall():
    for path in GOLDEN.glob("*.txt"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 16, path.name
        assert all(len(line) <= 140 for line in lines), path.name

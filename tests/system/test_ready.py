"""`--ready`: nobody is served by an application that does not answer."""

from __future__ import annotations

import signal
import subprocess
import sys

from support.server import PATIENCE, Server

SICK = """
def application(environ, start_response):
    start_response("503 No database", [("Content-Type", "text/plain")])
    return [b"no"]
"""


WELL = SICK.replace("503 No database", "200 OK").replace("no", "yes")


def test_a_reload_into_an_application_that_does_not_answer_changes_nothing(tmp_path):
    (tmp_path / "deployed.py").write_text(WELL)
    options = ["-w", "2", "--ready", "/", "--no-access-log"]
    with Server("deployed:application", cwd=tmp_path, options=options) as server:
        (tmp_path / "deployed.py").write_text(SICK)
        server.process.send_signal(signal.SIGHUP)
        server.log.wait_for("the reload changed nothing, the old workers serve on")
        assert "deployed:application is not ready: GET / was answered 503 No database" in server.log.text
        assert server.doors[0].request("GET", "/").body == b"yes"


def test_a_first_start_ends(tmp_path):
    (tmp_path / "deployed.py").write_text(SICK)
    for options in ([], ["-w", "2"]):
        command = [sys.executable, "-m", "polydoor", "deployed", "--ready", "/x", "-b", "127.0.0.1:0", *options]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert run.returncode == 3, run.stderr
        assert "PD0369: deployed:application is not ready: GET /x was answered 503 No database" in run.stderr

"""The CGI stub with a real daemon behind it, set up by `polydoor cgi init` as a user would."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from peers.response import CgiDecoder
from polydoor.cli import main
from polydoor.hosting.configuration import read_configuration
from polydoor.hosting.places import Places
from support import stub
from support.hosted import FOUND
from support.server import APPS, PATIENCE
from support.waiting import eventually

AT_ONCE = 100


class Site:
    """A folder that a web server would serve, with a stub in it."""

    def __init__(self, folder, monkeypatch):
        self.www, self.site = folder / "www", folder / "site"
        self.www.mkdir(mode=0o755)
        (self.site / "tmp").mkdir(parents=True)
        (self.site / "shop.py").write_text(f"import sys\nsys.path.append({str(APPS)!r})\nfrom hosted_apps import *\n")
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))

    def init(self, *words):
        found = [f"--env={name}={value}" for name, value in FOUND.items() if name != "PATH"]
        where = ["--directory", str(self.site), "--stub", str(stub.released())]
        assert main(["cgi", "init", "shop:application", str(self.www), *where, *found, *words]) == 0

    @property
    def configuration(self):
        return self.www / ".ht-shop.cgi.conf"

    def start(self, target="/", stdin=subprocess.DEVNULL, **more):
        variables = stub.REQUEST | {"REQUEST_URI": target, "QUERY_STRING": target.partition("?")[2]} | more
        return subprocess.Popen(
            [self.www / "shop.cgi"],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=variables,
        )

    def ask(self, target="/"):
        return answer(self.start(target))

    def log(self):
        with open(Places(read_configuration(str(self.configuration), {})).log) as file:
            return file.read()

    def stop(self):
        return main(["cgi", "stop", str(self.www)])


def answer(process):
    """Status and body of a response that is whole."""
    out, errors = process.communicate(timeout=2 * PATIENCE)
    decoder = CgiDecoder("GET")
    decoder.feed(out)
    decoder.end("eof")
    assert process.returncode == 0, errors
    return decoder.response.status, decoder.response.body.decode(), errors.decode()


def is_gone(pid):
    """Whether a process that is no child of ours has ended; its parent may take its time to hear of it."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def site(monkeypatch, capsys):
    with tempfile.TemporaryDirectory(prefix="polydoor-") as folder:  # short enough for a socket
        made = Site(Path(folder), monkeypatch)
        yield made
        if made.configuration.exists():
            made.stop()
    capsys.readouterr()


@pytest.mark.parametrize("how", ["--copy", "--link", "--script"])
def test_the_first_request_starts_a_daemon_and_the_next_finds_it(site, how):
    source = site.site / "polydoor-cgi"  # on the same file system
    source.write_bytes(stub.released().read_bytes())
    source.chmod(0o755)
    site.init(how, "--stub", str(source))
    status, first, _ = site.ask()
    assert (status, site.ask()[1]) == (200, first)
    assert site.stop() == 0
    assert is_gone(first)


def test_a_hundred_first_requests_at_once_start_one_daemon(site):
    site.init()
    with site.configuration.open("a") as file:
        file.write(f"backlog = {AT_ONCE}\n")  # those who come late on a slow machine find more room, too
    waiting = [site.start() for _ in range(AT_ONCE)]
    answers = [answer(process) for process in waiting]
    assert [status for status, _, _ in answers] == [200] * AT_ONCE
    assert len({pid for _, pid, _ in answers}) == 1
    assert eventually(lambda: "serving shop:application" in site.log())
    assert site.log().count("serving shop:application") == 1


def test_when_it_has_ended_idle_the_next_request_starts_another(site):
    site.init("--daemon-idle", "1")
    _, first, _ = site.ask()
    assert eventually(lambda: is_gone(first))
    status, second, _ = site.ask()
    assert (status, second == first) == (200, False)


def test_touching_restart_txt_starts_the_application_anew(site):
    site.init()
    _, first, _ = site.ask()
    (site.site / "tmp/restart.txt").touch()
    assert eventually(lambda: site.ask()[1] != first)
    assert eventually(lambda: "restart.txt has changed" in site.log())


def test_after_a_daemon_was_killed_the_next_request_works(site):
    site.init()
    _, first, _ = site.ask()
    os.kill(int(first), signal.SIGKILL)
    status, second, _ = site.ask()
    assert (status, second == first) == (200, False)


def test_no_request_is_lost_while_it_is_stopped_again_and_again(site):
    site.init()
    for _ in range(5):
        waiting = [site.start() for _ in range(10)]
        site.stop()
        assert [answer(process)[0] for process in waiting] == [200] * 10


def test_an_application_that_does_not_load_is_a_500_each_time_and_told(site, capsys):
    (site.site / "shop.py").write_text("raise RuntimeError('planted secret')\n")
    site.init()
    for _ in range(2):
        process = site.start()
        out, errors = process.communicate(timeout=2 * PATIENCE)
        assert out.startswith(b"Status: 50")
        assert b"planted" not in out
    assert "planted secret" in site.log() + errors.decode()
    capsys.readouterr()
    assert main(["cgi", "status", str(site.www)]) == 3
    assert "starts failed, see" in capsys.readouterr().out
    (site.site / "shop.py").write_text(f"import sys\nsys.path.append({str(APPS)!r})\nfrom hosted_apps import *\n")
    assert site.ask()[0] == 200  # by the daemon, or before its next start is due as CGI


def test_an_application_that_does_not_load_is_tried_once_for_a_request(site):
    (site.site / "shop.py").write_text("raise RuntimeError('planted')\n")
    site.init()
    out, errors = site.start().communicate(timeout=2 * PATIENCE)
    assert out.startswith(b"Status: 500")
    assert "RuntimeError: planted" in errors.decode()  # from the CGI program that has taken the request
    assert site.log().count("RuntimeError: planted") == 1


def test_an_application_that_hangs_while_it_is_loaded_does_not_block_the_site(site):
    hanging = "import os, time\nif 'GATEWAY_INTERFACE' not in os.environ:\n    time.sleep(1e6)  # planted\n"
    (site.site / "shop.py").write_text(
        f"{hanging}import sys\nsys.path.append({str(APPS)!r})\nfrom hosted_apps import *\n"
    )
    site.init("--start-timeout", "1")
    assert site.ask()[0] == 200  # as CGI, when the daemon was ended
    assert f'File "{site.site}/shop.py", line 3' in site.log()


def test_stalled_uploads_keep_nobody_out(site):
    site.init()
    assert site.ask()[0] == 200
    stalled = []
    for size in (1000, 200_000) * 20:
        process = site.start("/", subprocess.PIPE, REQUEST_METHOD="POST", CONTENT_LENGTH=str(size))
        with contextlib.suppress(BrokenPipeError):  # where it is answered that there are enough large ones
            os.write(process.stdin.fileno(), b"s" * (size // 2))  # more than the pipe holds, so it has begun
        stalled.append(process)
    assert site.ask()[0] == 200
    assert [process.poll() for process in stalled[::2]] == [None] * 20
    for process in stalled:
        process.kill()
        process.communicate()


def test_below_the_load_each_request_is_run_as_cgi(site):
    site.init("--exec-below", "1000")
    pids = {site.ask()[1] for _ in range(3)}
    assert len(pids) == 3
    assert site.stop() == 3

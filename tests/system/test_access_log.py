"""The access log of a real process: its forms, its readers, its file."""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from peers import http
from support.fixtures import PROTOCOLS
from support.server import APPS, Server, one_each
from support.waiting import eventually

APP = f"{APPS}/conformance.py:application"
ZONE = {"TZ": "UTC-1"}
SHORT = re.compile(r"\d\d:\d\d:\d\d \S+ \S+ \S+ \S+ \d+B \d+\.\dms [0-9a-f]{16}( broken)?")
# Standard output is a file of its own, which is opened for writing: a pipe by name, that a test can read or not.
OUT = "import os, sys; os.dup2(os.open(os.environ['OUT'], os.O_WRONLY), 1); "
MAIN = "from polydoor.cli import main; sys.exit(main())"


def masked(line: str) -> str:
    """A line without what differs from run to run."""
    line = re.sub(r"\d\d/[A-Z][a-z]{2}/\d{4}|\d{4}-\d\d-\d\d", "DAY", line)
    line = re.sub(r"\d\d:\d\d:\d\d(\.\d{3})?", "TIME", line)
    line = re.sub(r'\d+\.\d+ms|(?<=ms":)\d+\.\d+', "MS", line)
    return re.sub(r"[0-9a-f]{16}", "ID", line)


def visit(server: Server) -> None:
    """One request of each kind on each door."""
    headers = [("User-Agent", 'Mozilla/5.0 ("x")'), ("Referer", "http://shop.example/")]
    for door in server.doors:
        door.request("GET", "/echo/a%20b?q=%22&r", headers)
        door.request("POST", "/mirror", [], b"12345")
        assert door.request("GET", "/crash?where=call").status == 500
        assert door.request("GET", "/crash?where=later-length").complete is False
    with http.HttpConnection(server.doors[0].address) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")  # no Host
        assert client.read().status == 400


def lines_of(tmp_path: Path, form: str) -> tuple[list[str], str]:
    """What a server says of visit(): of the application's requests, and of the one that it refused itself.

    One thread: a line is made when its response is on its way, and another thread might be faster with the next.
    """
    with Server(APP, one_each(tmp_path), threads=1, options=["--access-log", form], env=ZONE) as server:
        visit(server)
    lines = [masked(line) for line in server.output.lines]
    (refused,) = [line for line in lines if "400" in line]
    return [line for line in lines if line != refused], refused


def test_short(tmp_path):
    want = [
        line
        for _ in PROTOCOLS
        for line in (
            r"TIME 127.0.0.1 GET /echo/a%20b?q=%22&r 200 SIZEB MS ID",
            "TIME 127.0.0.1 POST /mirror 200 5B MS ID",
            "TIME 127.0.0.1 GET /crash?where=call 500 SIZEB MS ID",
            "TIME 127.0.0.1 GET /crash?where=later-length 200 7B MS ID broken",
        )
    ]
    lines, refused = lines_of(tmp_path, "short")
    assert [re.sub(r" \d{2,}B ", " SIZEB ", line) for line in lines] == want
    assert re.fullmatch(r"TIME 127\.0\.0\.1 \S+ \S+ 400 \d+B MS ID", refused), refused


def test_combined(tmp_path):
    lines, refused = lines_of(tmp_path, "combined")
    got = [re.sub(r'(" \d+) \d{2,} "', r'\1 SIZE "', line) for line in lines]
    head = "127.0.0.1 - - [DAY:TIME +0100] "
    agent = r'"http://shop.example/" "Mozilla/5.0 (\x22x\x22)"'
    for at in range(0, 4 * len(PROTOCOLS), 4):
        assert got[at : at + 4] == [
            f'{head}"GET /echo/a%20b?q=%22&r HTTP/1.1" 200 SIZE {agent}',
            f'{head}"POST /mirror HTTP/1.1" 200 5 "-" "-"',
            f'{head}"GET /crash?where=call HTTP/1.1" 500 SIZE "-" "-"',
            f'{head}"GET /crash?where=later-length HTTP/1.1" 200 7 "-" "-"',
        ]
    assert re.fullmatch(re.escape(head) + r'"[^"]*" 400 \d+ "-" "-"', refused), refused


def test_json(tmp_path):
    lines, refused = lines_of(tmp_path, "json")
    got = [json.loads(re.sub(r":MS([,}])", r":0\1", line)) for line in [*lines, refused]]
    keys = "time id peer user door method path query protocol status bytes ms queue_ms referer user_agent"
    assert [" ".join(line) for line in got if "broken" not in line] == [keys] * (3 * len(PROTOCOLS) + 1)
    assert [line["door"] for line in got] == [name for name in PROTOCOLS for _ in range(4)] + ["http"]
    usual = {"time": "DAYTTIME+01:00", "id": "ID", "peer": "127.0.0.1", "user": None, "protocol": "HTTP/1.1"}
    for at, door in enumerate(PROTOCOLS):
        first, second, _, broken = got[4 * at : 4 * at + 4]
        sent = first.pop("bytes")
        assert first == usual | {
            "door": door,
            "method": "GET",
            "path": "/echo/a%20b",
            "query": "q=%22&r",
            "status": 200,
            "ms": 0,
            "queue_ms": 0,
            "referer": "http://shop.example/",
            "user_agent": 'Mozilla/5.0 ("x")',
        }
        assert sent > 100
        assert (second["bytes"], second["query"], second["referer"], second["user_agent"]) == (5, None, None, None)
        assert broken["broken"] is True


def test_ids_are_those_of_the_application_and_of_its_log(tmp_path):
    with Server(APP, one_each(tmp_path), threads=1) as server:
        ids = [door.request("GET", "/echo").json()["environ"]["polydoor.request_id"] for door in server.doors]
        server.doors[0].request("GET", "/crash?where=call&key=1")
    assert [line.split()[-1] for line in server.output.lines][: len(ids)] == ids
    assert f"id {server.output.lines[len(ids)].split()[-1]}" in server.log.text


def test_excluded_paths_and_off(tmp_path):
    exclude = ["--access-log-exclude", "/arguments", "--access-log-exclude", "/ech*"]
    with Server(APP, threads=1, options=exclude) as server:
        for target in ("/arguments?a", "/echo/1", "/arguments/2"):
            server.doors[0].request("GET", target)
    assert [line.split()[3] for line in server.output.lines] == ["/arguments/2"]
    with Server(APP, options=["--no-access-log"]) as server:
        server.doors[0].request("GET", "/arguments")
    assert server.output.lines == []


def test_lines_of_several_threads_are_whole(tmp_path):
    counts = (4, 150)

    def load(door, name):
        for number in range(counts[1]):
            door.request("GET", f"/arguments?{name}-{number}")

    with Server(APP, one_each(tmp_path), threads=4) as server:
        clients = [threading.Thread(target=load, args=(server.doors[name % 3], name)) for name in range(counts[0])]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
    lines = server.output.lines
    assert [line for line in lines if not SHORT.fullmatch(line)] == []
    seen = sorted(line.split()[3] for line in lines)
    assert seen == sorted(f"/arguments?{name}-{number}" for name in range(counts[0]) for number in range(counts[1]))


# --- readers --------------------------------------------------------------------------------------------------------


class PipeServer(Server):
    """Its access log goes into a named pipe that the test holds and does not read: as standard output, or by name."""

    def __init__(self, folder: Path, way: str, options: tuple[str, ...] = ()) -> None:
        path = folder / "pipe"
        os.mkfifo(path)
        self.reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        if way == "stdout":
            super().__init__(APP, start=("-c", OUT + MAIN), env={"OUT": str(path)}, options=options)
        else:
            super().__init__(APP, options=[*options, "--access-log", f"short:{path}"])

    def read_all(self) -> str:
        """What waits in the pipe and comes until its writers have left."""
        with os.fdopen(self.reader, "rb") as pipe:
            fcntl.fcntl(pipe, fcntl.F_SETFL, 0)
            return pipe.read().decode()


@pytest.mark.parametrize("way", ["stdout", "file"])
def test_a_reader_that_does_not_read_delays_no_request(tmp_path, way):
    requests = 3000
    with PipeServer(tmp_path, way, ("--access-log-buffer", "16K")) as server:
        with http.HttpConnection(server.doors[0].address) as client:
            for _ in range(requests // 20):
                client.send(http.head("GET", "/arguments", []) * 20)
                assert [client.read().status for _ in range(20)] == [200] * 20
        got = []
        reader = threading.Thread(target=lambda: got.append(server.read_all()))
        reader.start()  # there is room again
        server.log.wait_for("dropped lines of the access log: ")
    reader.join()
    lines = got[0].splitlines()
    assert [line for line in lines if not SHORT.fullmatch(line)] == []
    # A burst may find the buffer full before the pipe is, so it may be told more than once.
    told = [line for line in server.log.lines if "PD0312" in line]
    assert len(lines) + sum(int(line.split("log: ")[1].partition(";")[0]) for line in told) == requests
    assert len(told) < 10  # not once for each line


def test_the_end_waits_no_longer_than_a_second_for_a_reader(tmp_path):
    with PipeServer(tmp_path, "stdout", ("--access-log-buffer", "16K")) as server:
        with http.HttpConnection(server.doors[0].address) as client:
            for _ in range(100):
                client.send(http.head("GET", "/arguments", []) * 20)
                assert [client.read().status for _ in range(20)] == [200] * 20
        server.stop()
    os.close(server.reader)
    assert "PD0312" in server.log.text


@pytest.mark.parametrize("way", ["stdout", "file"])
def test_a_reader_that_leaves_is_harmless(tmp_path, way):
    with PipeServer(tmp_path, way) as server:
        os.close(server.reader)
        server.doors[0].request("GET", "/arguments")
        server.log.wait_for("the access log cannot be written: Broken pipe")
        for _ in range(30):
            assert server.doors[0].request("GET", "/arguments").status == 200
    assert server.log.text.count("PD0311") == 1


def test_standard_output_stays_as_it_was(tmp_path):
    with PipeServer(tmp_path, "stdout") as server:
        server.doors[0].request("GET", "/arguments")
        flags = int(Path(f"/proc/{server.pid}/fdinfo/1").read_text().split("flags:")[1].split()[0], 8)
        assert not flags & os.O_NONBLOCK
    assert SHORT.fullmatch(server.read_all().rstrip("\n"))


def test_without_standard_output_there_is_no_log(tmp_path):
    """Its number may be that of a socket by now."""
    start = "import os, sys; os.close(1); os.execv(sys.executable, ['python', '-m', 'polydoor', *sys.argv[1:]])"
    with Server(APP, start=("-c", start)) as server:
        assert server.doors[0].request("GET", "/arguments").status == 200
    assert "access log" not in server.log.text


# --- files ----------------------------------------------------------------------------------------------------------


def test_a_file_is_appended_to_and_opened_anew(tmp_path):
    log = tmp_path / "access.log"
    old = tmp_path / "access.log.1"
    log.write_text("before\n")
    with Server(APP, options=["--access-log", f"short:{log.name}"], cwd=tmp_path) as server:
        server.doors[0].request("GET", "/arguments?1")
        assert eventually(lambda: "/arguments?1" in log.read_text())
        log.rename(old)
        server.process.send_signal(signal.SIGUSR1)
        assert eventually(log.exists)
        server.doors[0].request("GET", "/arguments?2")
    assert old.read_text().startswith("before\n")
    assert "/arguments?1 " in old.read_text()
    assert [line.split()[3] for line in log.read_text().splitlines()] == ["/arguments?2"]
    assert server.output.lines == []


def test_a_folder_that_has_gone_keeps_the_old_file(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "access.log"
    with Server(APP, options=["--access-log", f"short:{log}"]) as server:
        server.doors[0].request("GET", "/arguments?1")
        folder.rename(tmp_path / "moved")
        server.process.send_signal(signal.SIGUSR1)
        server.log.wait_for("the access log cannot be opened anew: No such file or directory; the old file is kept")
        server.doors[0].request("GET", "/arguments?2")
    assert len((tmp_path / "moved" / "access.log").read_text().splitlines()) == 2


def test_a_file_that_cannot_be_opened_is_an_error_before_serving(tmp_path):
    command = [sys.executable, "-m", "polydoor", APP, "-b", "127.0.0.1:0", "--access-log", f"json:{tmp_path}/no/log"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"polydoor: PD0310: cannot open the access log {tmp_path}/no/log: No such file or directory\n"
        "  Create its directory first.\n"
    )

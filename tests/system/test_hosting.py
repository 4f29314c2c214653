"""The daemon behind the CGI stub: what it makes of a request, and when and how it ends."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading

import pytest

from peers import fastcgi
from peers.cgi import Command
from peers.door import CgiDoor
from polydoor.cli import main
from support.hosted import FOUND, Hosted, written
from support.server import APPS, PATIENCE
from support.waiting import eventually

CGI_APP = f"{APPS}/cgi_app.py:application"
APP = f"{APPS}/hosted_apps.py:application"
GET = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/shop.cgi", "HTTP_HOST": "shop.example"}
OF_PROCESS = ("wsgi.multithread", "wsgi.multiprocess", "wsgi.run_once", "polydoor.request_id")
BACK = ("SERVER_NAME", "SERVER_PORT")  # of a listener, where the web server names none, which RFC 3875 forbids

REQUESTS = {
    "below the program": {
        "REQUEST_URI": "/shop.cgi/process/a%2Fb?x=1",
        "PATH_INFO": "/process/a/b",
        "QUERY_STRING": "x=1",
    },
    "rewritten to the program": {"REQUEST_URI": "/process?y", "PATH_INFO": "/process", "QUERY_STRING": "y"},
    "rewritten in a folder": {"REQUEST_URI": "/sub/process", "SCRIPT_NAME": "/sub/shop.cgi", "PATH_INFO": "/process"},
    "rewritten from elsewhere": {"REQUEST_URI": "/other/x", "SCRIPT_NAME": "/cgi-bin/shop.cgi", "PATH_INFO": "/x"},
    "no target": {"PATH_INFO": "/process", "QUERY_STRING": "a=b"},
    "user": {"REQUEST_URI": "/process", "REMOTE_USER": "joe", "AUTH_TYPE": "Basic", "REMOTE_ADDR": "::ffff:192.0.2.1"},
    "apache": {
        "REQUEST_URI": "/process",
        "SERVER_SOFTWARE": "Apache/2.4.57 (Debian)",
        "HTTP_COOKIE": "a=1, b=2",
        "REDIRECT_STATUS": "200",
        "REDIRECT_URL": "/process",
        "UNIQUE_ID": "u",
        "CONTEXT_PREFIX": "",
        "HTTPS": "on",
        "SSL_CLIENT_S_DN": "CN=joe",
        "SHOP_ID": "7",
        "HTTP_PROXY": "http://evil/",
        "LD_PRELOAD": "/evil.so",
    },
    "body": {"REQUEST_URI": "/process", "REQUEST_METHOD": "POST", "CONTENT_LENGTH": "5", "CONTENT_TYPE": "text/plain"},
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    with Hosted(written(tmp_path_factory.mktemp("daemon"), CGI_APP)) as hosted:
        yield hosted


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_from_the_stub_gives_the_environ_of_cgi(daemon, name):
    variables = (
        GET | {"SERVER_NAME": "shop.example", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1"} | REQUESTS[name]
    )
    body = b"hello" if name == "body" else b""
    as_cgi = CgiDoor(Command([sys.executable, "-m", "polydoor", "cgi", CGI_APP], FOUND)).ask(variables, body).json()
    as_daemon = daemon.door.ask(variables, body).json()
    for seen in (as_cgi, as_daemon):
        for name in OF_PROCESS:
            del seen["environ"][name]
    assert as_daemon["environ"] == as_cgi["environ"]
    assert as_daemon["body"] == as_cgi["body"]


def test_no_application_is_called_before_the_last_record(daemon):
    """By what a dead daemon had not read the stub knows that a request may be sent again."""
    with fastcgi.FcgiConnection(daemon.socket) as connection:
        connection.expect(1)
        connection.send(fastcgi.head(1, GET | {"REQUEST_URI": "/process"}))
        for _ in range(3):
            assert daemon.door.ask(GET | {"REQUEST_URI": "/process"}).status == 200
        assert select.select([connection.wire.sock], [], [], 0)[0] == []
        connection.send(fastcgi.record(fastcgi.STDIN, 1))
        assert connection.response(1).status == 200


def test_a_body_of_unknown_length_is_refused_as_by_cgi(daemon):
    variables = GET | {"REQUEST_URI": "/reader", "REQUEST_METHOD": "POST", "HTTP_TRANSFER_ENCODING": "chunked"}
    assert daemon.door.ask(variables, b"hello").status == 411


def test_it_ends_when_nobody_has_come_for_a_while(tmp_path):
    with Hosted(written(tmp_path, APP, idle_timeout=1)) as hosted:
        assert hosted.door.request("GET", "/").body == str(hosted.process.pid).encode()
        gate = hosted.asked()
        assert hosted.process.wait(PATIENCE) == 0
        assert not os.path.lexists(hosted.socket)
        assert not gate.is_held
        assert gate.record()["failures"] == 0
        gate.close()
        assert "PD0780: no request for 1 s: ending" in hosted.text


@pytest.mark.parametrize("name", ["site/tmp/restart.txt", ".ht-shop.cgi.conf", "site/shop.py"])
def test_it_ends_when_what_it_was_made_of_changes(name, tmp_path):
    path = written(tmp_path, "shop:application")
    (tmp_path / "site/shop.py").write_text(f"import sys\nsys.path.append({str(APPS)!r})\nfrom hosted_apps import *\n")
    with Hosted(path) as hosted:
        assert hosted.door.request("GET", "/").status == 200
        changed = tmp_path / name
        changed.parent.mkdir(exist_ok=True)
        with changed.open("a") as file:
            file.write("# changed\n")
        assert hosted.process.wait(PATIENCE) == 0
        assert f"PD0780: {changed} has changed" in hosted.text
        assert not os.path.lexists(hosted.socket)


def test_sigterm_makes_room_at_once_and_finishes_what_there_is(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    path = written(tmp_path, APP)
    with Hosted(path) as first, first.door.start("GET", f"/wait?{fifo}") as exchange:
        writer = os.open(fifo, os.O_WRONLY)  # waits for the application
        first.process.terminate()
        assert eventually(lambda: not os.path.lexists(first.socket))
        with Hosted(path) as second:
            assert second.door.request("GET", "/").body == str(second.process.pid).encode()
            os.write(writer, b"finished")
            os.close(writer)
            assert exchange.finish().body == b"finished"
            assert first.process.wait(PATIENCE) == 0
            assert second.door.request("GET", "/").status == 200


def test_it_runs_with_fewer_threads_where_the_system_makes_no_more(tmp_path):
    with Hosted(written(tmp_path, APP), SHOP_FEW_THREADS="1") as hosted:
        assert hosted.door.request("GET", "/").status == 200
        assert hosted.told("PD0781: the system makes no further thread: 1 of 3 run the application")


def test_the_log_begins_anew_when_it_is_full(tmp_path):
    def holds(name: str, words: str) -> bool:
        try:
            return words in (hosted.state / name).read_text()
        except FileNotFoundError:  # at this very moment it gets its other name
            return False

    with Hosted(written(tmp_path, APP, log_size=4096)) as hosted:
        assert hosted.told("serving")
        assert hosted.door.request("GET", "/write").body == b"written"
        assert eventually(lambda: holds("log.1", "serving") and hosted.log.exists())
        assert hosted.log.stat().st_mode & 0o777 == 0o600
        hosted.log.unlink()  # as by somebody who wants the room
        assert eventually(hosted.log.exists)
        assert hosted.door.request("GET", "/write").body == b"written"
        assert eventually(lambda: holds("log", "xxx") or holds("log.1", "xxx"))


def test_the_log_begins_anew_where_variables_say_everything(tmp_path):
    path = written(tmp_path, APP)
    keys = {"APP": APP, "PYTHON": sys.executable, "DIRECTORY": str(tmp_path / "site"), "LOG_SIZE": "4096"}
    variables = {f"POLYDOOR_CGI_{name}": value for name, value in keys.items()}
    with Hosted(path, "-", **variables) as hosted:
        assert hosted.door.request("GET", "/write").body == b"written"
        assert eventually((hosted.state / "log.1").exists)


def test_a_start_that_fails_is_counted_and_leaves_no_socket(tmp_path):
    with Hosted(written(tmp_path, "absent:application")) as hosted:
        assert hosted.process.wait(PATIENCE) == 3
        assert not os.path.lexists(hosted.socket)
        assert "PD0101" in hosted.text
        gate = hosted.asked()
        assert gate.record()["failures"] == 1
        assert not gate.is_held
        gate.close()


@pytest.mark.parametrize("name", ["socket", "lock"])
def test_a_daemon_whose_socket_or_lock_was_removed_ends(name, tmp_path):
    with Hosted(written(tmp_path, APP)) as hosted:
        assert hosted.door.request("GET", "/").status == 200
        (hosted.state / name).unlink()
        assert hosted.process.wait(PATIENCE) == 0
        assert "PD0782" in hosted.text


def test_a_child_of_the_application_keeps_neither_socket_nor_lock(tmp_path):
    with Hosted(written(tmp_path, APP)) as hosted:
        child = int(hosted.door.request("GET", "/fork").body)
        hosted.process.kill()
        hosted.process.wait(PATIENCE)
        with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
            client.connect(hosted.socket)
        gate = hosted.asked()
        assert not gate.is_held
        gate.close()
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"options": ["-b", "127.0.0.1:8000"]}, "PD0009"),
        ({"options": ["other:app"]}, "PD0004"),
        ({"idle_timeout": "soon"}, "PD0005"),
    ],
)
def test_what_cannot_be_is_told_in_the_log(keys, code, tmp_path):
    with Hosted(written(tmp_path, APP, **keys)) as hosted:
        assert hosted.process.wait(PATIENCE) == 2
        assert code in hosted.text


def test_by_hand_the_command_says_who_starts_it(tmp_path):
    command = [sys.executable, "-m", "polydoor", "cgi", "daemon", str(written(tmp_path, APP))]
    done = subprocess.run(command, env=FOUND, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr[:17]) == (2, "polydoor: PD0783:")


def test_status_and_stop_find_the_daemon(tmp_path, capsys):
    path = written(tmp_path, APP)
    with Hosted(path) as hosted:
        assert hosted.told("serving")
        assert main(["cgi", "status", str(tmp_path)]) == 0
        assert re.fullmatch(
            rf".*/shop\.cgi: .*: serving for \d+ s, pid {hosted.process.pid}\n", capsys.readouterr().out
        )
        assert main(["cgi", "status", str(tmp_path), "--json"]) == 0
        (told,) = json.loads(capsys.readouterr().out)
        assert (told["state"], told["pid"], told["failures"]) == ("serving", hosted.process.pid, 0)
        reaper = threading.Thread(target=hosted.process.wait)  # which is init's work where a stub has started it
        reaper.start()
        assert main(["cgi", "stop", str(tmp_path)]) == 0
        reaper.join()
        assert hosted.process.returncode == 0
        assert main(["cgi", "stop", str(tmp_path)]) == 3
        assert main(["cgi", "status", str(tmp_path)]) == 3
    capsys.readouterr()


def test_status_tells_of_starts_that_failed(tmp_path, capsys):
    with Hosted(written(tmp_path, "absent:application")) as hosted:
        assert hosted.process.wait(PATIENCE) == 3
    assert main(["cgi", "status", str(tmp_path)]) == 3
    assert f"no daemon: the last 1 starts failed, see {hosted.log}" in capsys.readouterr().out

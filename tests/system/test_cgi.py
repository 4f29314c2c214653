"""`polydoor cgi APP`, started as a web server starts it: a process, an environment, two pipes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from peers import fastcgi
from peers.cgi import CgiWire, Command
from peers.door import CgiDoor, FcgiDoor
from peers.response import CgiDecoder
from support.server import APPS, PATIENCE, Log
from support.waiting import eventually

START = (sys.executable, "-m", "polydoor")
APP = f"{APPS}/cgi_app.py:application"
FOUND = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
# What the web server puts behind APP for `GET /shop.cgi?-b+http://0.0.0.0:1+--dev+other:app` (RFC 3875 section 4.4).
WORDS = ("-b", "http://0.0.0.0:1", "--dev", "--no-such-option", "other:app", "-h")
GET = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_NAME": "/shop.cgi", "HTTP_HOST": "shop.example"}


class Ran:
    """What came of one request."""

    def __init__(self, words, variables, body=b"", **more):
        done = subprocess.run(
            [*START, *words],
            input=body,
            env=FOUND | variables | more,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        decoder = CgiDecoder(variables.get("REQUEST_METHOD", "GET"))
        if done.stdout:
            decoder.feed(done.stdout)
            decoder.end("eof")
        self.status, self.errors, self.response = done.returncode, done.stderr.decode(), decoder.response


def asked(target, **more):
    return GET | {"REQUEST_URI": target} | more


def test_the_diagnostics_answer_in_the_place_of_the_application():
    token = "a-token-for-the-tests-of-cgi"
    told = Ran(["cgi", APP], asked(f"/shop.cgi/.polydoor/{token}/echo"), POLYDOOR_DIAGNOSTICS=token).response.json()
    assert (told["protocol"], told["environ"]["SCRIPT_NAME"]) == ("cgi", "/shop.cgi")
    assert told["several_processes"]  # so that nobody asks another one to let a stream go on


def test_the_process_is_out_of_the_applications_way():
    variables = asked("/shop.cgi/process?a=b", HTTP_PROXY="http://evil/", HTTP_X="1", CONTENT_LENGTH="5")
    ran = Ran(["cgi", APP], variables | {"SHELL": "/bin/sh", "SHOP_ID": "7"}, b"hello, world")
    seen = ran.response.json()
    assert ran.status == 0
    assert (seen["stdin"], seen["body"], seen["main"]) == ("", "hello", True)
    for line in ("printed by the application", "written to descriptor 1", "written to wsgi.errors"):
        assert f"{line}\n" in ran.errors
    assert [name for name in seen["process"] if name.startswith("HTTP_")] == []  # HTTP_PROXY: CVE-2016-5385
    assert seen["process"]["SHOP_ID"] == "7"
    environ = seen["environ"]
    assert not {"HTTP_PROXY", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "SHELL", "SHOP_ID"} & set(environ)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/shop.cgi", "/process")
    flags = [environ[f"wsgi.{name}"] for name in ("run_once", "multiprocess", "multithread")]
    assert flags == [True, True, False]


@pytest.mark.parametrize("start", [["cgi"], []], ids=["cgi", "found out"])
def test_cve_2012_1823_words_of_the_query_are_no_options(start):
    ran = Ran([*start, APP, *WORDS], asked("/shop.cgi/process?" + "+".join(WORDS)))
    assert (ran.status, ran.response.status) == (0, 200)
    assert ran.response.json()["environ"]["PATH_INFO"] == "/process"


def test_options_stand_before_the_application():
    ran = Ran(["cgi", "--mount", "/shop", APP, *WORDS], asked("/shop/process"))
    environ = ran.response.json()["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/shop", "/process")


@pytest.mark.parametrize(
    ("script", "target", "mount", "path"),
    [
        ("/cgi-bin/shop.cgi", "/cgi-bin/shop.cgi/x", "/cgi-bin/shop.cgi", "/x"),
        ("/shop.cgi", "/x?y", "", "/x"),
        ("/sub/shop.cgi", "/sub/x", "/sub", "/x"),
        ("/cgi-bin/shop.cgi", "/other/x", "", "/other/x"),
    ],
)
def test_the_mount_follows_from_the_environment(script, target, mount, path):
    environ = Ran(["cgi", APP], asked(target, SCRIPT_NAME=script)).response.json()["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (mount, path)


def test_the_user_is_who_the_web_server_says_unless_told_otherwise():
    variables = asked("/", REMOTE_USER="joe", AUTH_TYPE="Basic")
    assert Ran(["cgi", APP], variables).response.json()["environ"]["REMOTE_USER"] == "joe"
    assert "REMOTE_USER" not in Ran(["cgi", "--trust-remote-user=0", APP], variables).response.json()["environ"]


FAILURES = {
    "no module": (["cgi", "absent_module:app"], 3, "PD0101"),
    "no attribute": (["cgi", f"{APPS}/cgi_app.py:absent_secret"], 4, "PD0108"),
    "no application": (["cgi"], 2, "PD0004"),
    "an option": (["cgi", "--no-such-option", APP], 2, "PD0002"),
    "a mount": (["cgi", "--mount", "shop", APP], 2, "PD0005"),
    "dev": (["cgi", "--dev", APP], 2, "PD0017"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_cannot_start_is_answered_in_full_and_told_on_standard_error(name):
    words, status, code = FAILURES[name]
    ran = Ran(words, asked("/shop.cgi/x"))
    assert (ran.status, ran.response.status, ran.response.complete) == (status, 500, True)
    assert ran.response.body == b"500 Internal Server Error\nThe application failed to answer this request.\n"
    assert code in ran.errors


def test_an_error_while_it_is_imported_says_nothing_to_the_client(tmp_path):
    (tmp_path / "failing.py").write_text("raise RuntimeError('planted secret')\n")
    ran = Ran(["cgi", f"{tmp_path}/failing.py"], asked("/", REQUEST_METHOD="HEAD"))
    assert (ran.status, ran.response.status, ran.response.body) == (3, 500, b"")
    assert "planted secret" in ran.errors


def test_without_a_request_the_command_says_who_starts_it():
    ran = Ran(["cgi", APP], {})
    assert (ran.status, ran.response.status) == (2, 0)
    assert ran.errors.startswith("polydoor: PD0771: there is no CGI request in the environment")


def test_an_error_of_the_application_is_a_complete_response():
    ran = Ran(["cgi", APP], asked("/shop.cgi/failing"))
    assert (ran.status, ran.response.status, ran.response.complete) == (0, 500, True)
    assert "planted secret" in ran.errors
    assert b"planted" not in ran.response.body


def test_a_response_that_breaks_off_ends_with_status_1():
    ran = Ran(["cgi", APP], asked("/shop.cgi/broken"))
    assert (ran.status, ran.response.body) == (1, b"begun")
    assert "planted secret" in ran.errors


@pytest.mark.parametrize("closed", [">&-", "<&- >&-"])
def test_closed_standard_output_ends_with_status_1(closed):
    shell = ["sh", "-c", f'exec "$@" {closed}', "sh"]
    done = subprocess.run([*shell, *START, "cgi", APP], env=FOUND | asked("/shop.cgi/x"), timeout=PATIENCE, check=False)
    assert done.returncode == 1


@pytest.mark.parametrize("many", [{f"OWN_{n}": "1" for n in range(600)}, {f"O{n}": "x" * 60_000 for n in range(5)}])
def test_the_environment_of_the_web_server_itself_does_not_count(many):
    ran = Ran(["cgi", APP], asked("/shop.cgi/reader"), **many)
    assert (ran.status, ran.response.status) == (0, 200)


def test_a_client_that_leaves_is_seen_by_the_application_and_in_the_status(tmp_path):
    command = Command([*START, "cgi", APP], FOUND)
    with (tmp_path / "errors").open("wb") as errors:
        command.errors = errors.fileno()
        with CgiDoor(command).start("GET", "/endless") as exchange:
            assert exchange.wait(lambda: exchange.response.body[:5] == b"begun")
        assert exchange.wire.status == 1
    assert "the client has gone" in (tmp_path / "errors").read_text()


def test_a_body_that_ends_early_makes_read_raise():
    variables = asked("/shop.cgi/reader", REQUEST_METHOD="POST", CONTENT_LENGTH="10")
    ran = Ran(["cgi", "--stream", APP], variables, b"hello")
    assert ran.response.body.startswith(b"PeerClosed: the client left")
    ran = Ran(["cgi", APP], variables, b"hello")  # collected first: the application is not called
    assert (ran.status, ran.response.status) == (0, 400)


def test_a_body_of_unknown_length_is_refused():
    variables = asked("/shop.cgi/reader", REQUEST_METHOD="POST", HTTP_TRANSFER_ENCODING="chunked")
    ran = Ran(["cgi", APP], variables, b"hello")
    assert (ran.status, ran.response.status) == (0, 411)
    assert "PD0770" in ran.errors


def test_nothing_is_read_past_the_body():
    read, write = os.pipe()
    os.write(write, b"hello, world")
    variables = asked("/shop.cgi/reader", REQUEST_METHOD="POST", CONTENT_LENGTH="5")
    with subprocess.Popen([*START, "cgi", APP], stdin=read, stdout=subprocess.PIPE, env=FOUND | variables) as process:
        out, _ = process.communicate(timeout=PATIENCE)
    os.close(write)
    assert out.endswith(b"read 5")
    assert os.read(read, 100) == b", world"
    os.close(read)


def test_a_process_that_the_application_leaves_behind_does_not_hold_the_response():
    ran = Ran(["cgi", APP], asked("/shop.cgi/child"))  # waits for the end of standard output
    os.kill(int(ran.response.body), signal.SIGKILL)
    assert (ran.status, ran.response.complete) == (0, True)


def test_an_access_log_needs_a_file(tmp_path):
    log = tmp_path / "access.log"
    words = ["cgi", "--access-log", f"json:{log}", APP]
    assert Ran(words, asked("/shop.cgi/reader", REMOTE_ADDR="192.0.2.7")).response.body == b"read 0"
    line = json.loads(log.read_text())
    assert (line["door"], line["status"], line["path"]) == ("cgi", 200, "/shop.cgi/reader")


def test_sigterm_ends_it_at_once():
    with CgiWire(Command([*START, "cgi", APP], FOUND)) as wire:
        variables = asked("/shop.cgi/reader", REQUEST_METHOD="POST", CONTENT_LENGTH="10")
        wire.send(CgiDoor(Command((), {})).encode(variables))
        process = wire._process.process
        assert eventually(lambda: process.poll() is None)
        process.terminate()
        assert process.wait(PATIENCE) == -signal.SIGTERM
        wire.ended = "reset"


# --- started with a listening socket as descriptor 0 ------------------------------------------------------------------


class Spawned:
    """`polydoor APP` with a listening socket on descriptor 0, as spawn-fcgi leaves it."""

    def __init__(self, listener, *words, **variables):
        self.process = subprocess.Popen(
            [*START, APP, *words], stdin=listener.fileno(), stderr=subprocess.PIPE, env=FOUND | variables
        )
        assert self.process.stderr is not None
        self.log = Log(self.process.stderr)

    def __enter__(self):
        self.log.wait_for("Ctrl-C stops")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0
        self.log.join()
        self.process.stderr.close()


@pytest.mark.parametrize("family", [socket.AF_UNIX, socket.AF_INET], ids=["unix", "tcp"])
def test_a_listening_socket_on_descriptor_0_is_served_over_fastcgi(family, tmp_path):
    with socket.socket(family) as listener:
        listener.bind(str(tmp_path / "s") if family == socket.AF_UNIX else ("127.0.0.1", 0))
        listener.listen()
        with Spawned(listener, "-t", "1", FCGI_WEB_SERVER_ADDRS="127.0.0.1, 192.0.2.1"):
            environ = FcgiDoor(listener.getsockname()).request("GET", "/process").json()["environ"]
    assert (environ["PATH_INFO"], environ["wsgi.run_once"]) == ("/process", False)


def test_fcgi_web_server_addrs_is_the_list_of_allowed_peers():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with (
            Spawned(listener, FCGI_WEB_SERVER_ADDRS="192.0.2.1"),
            fastcgi.FcgiConnection(listener.getsockname()) as client,
        ):
            assert client.wire.recv() == b""


def test_localhost_in_the_list_is_this_machine():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with Spawned(listener, "-t", "1", FCGI_WEB_SERVER_ADDRS="localhost,192.0.2.1"):
            assert FcgiDoor(listener.getsockname()).request("GET", "/reader").status == 200


def test_a_name_in_the_list_is_told_and_lets_nobody_in():
    with socket.socket() as listener:  # it stays open, so who would not start would let clients wait for ever
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with Spawned(listener, FCGI_WEB_SERVER_ADDRS="shop") as spawned:
            assert "FCGI_WEB_SERVER_ADDRS: 'shop'" in spawned.log.wait_for("PD0005")
            with fastcgi.FcgiConnection(listener.getsockname()) as client:
                assert client.wire.recv() == b""


@pytest.mark.parametrize("leaked", [{}, {"LISTEN_PID": "1"}], ids=["without a process", "of another process"])
def test_descriptor_0_is_served_whatever_was_passed_to_another_process(leaked, tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        with Spawned(listener, "-t", "1", LISTEN_FDS="1", **leaked):
            assert FcgiDoor(listener.getsockname()).request("GET", "/reader").status == 200


def test_descriptor_0_is_still_what_is_served_after_a_reload(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        with Spawned(listener, "-t", "1", "--workers", "1") as spawned:
            spawned.process.send_signal(signal.SIGHUP)
            spawned.log.wait_for("reloaded")
            assert FcgiDoor(listener.getsockname()).request("GET", "/reader").status == 200
            assert "has changed" not in spawned.log.text


@pytest.mark.parametrize("order", ["before", "behind"])
def test_an_address_on_the_command_line_comes_first(order, tmp_path):
    address = ["-b", f"unix:{tmp_path}/own"]
    variables = {"GATEWAY_INTERFACE": "CGI/1.1"} if order == "before" else {}
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        if order == "behind":
            listener.listen()  # else it is no descriptor that listens, and the variable stands for CGI
        words = [*address, APP] if order == "before" else [APP, *address]
        process = subprocess.Popen(
            [*START, *words], stdin=listener.fileno(), stderr=subprocess.PIPE, env=FOUND | variables
        )
        log = Log(process.stderr)
        assert f"unix:{tmp_path}/own" in log.wait_for("http+unix:")
        process.terminate()
        assert process.wait(PATIENCE) == 0
        log.join()
        process.stderr.close()

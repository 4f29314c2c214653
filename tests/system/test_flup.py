"""Programs that were written for flup, as processes: on descriptor 0, on a path, started again by SIGHUP."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from documents.pages import File, read_page
from peers.door import DOORS
from support.waiting import eventually

PROGRAM = """
import sys
from polydoor.flup.{module} import WSGIServer

def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    keys = ("SCRIPT_NAME", "PATH_INFO", "SHOP", "REQUEST_METHOD")
    return [repr([environ.get(key) for key in keys]).encode()]

print(WSGIServer(application, {arguments}).run())
"""


def program(module, arguments):
    """A program of flup's time with only its import changed."""
    return ["-c", PROGRAM.format(module=module, arguments=arguments)]


@contextmanager
def running(command, *, stdin=subprocess.DEVNULL, env=None, cwd=None):
    """A Python process that does not outlive the test."""
    process = subprocess.Popen(
        [sys.executable, *command],
        stdin=stdin,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | (env or {}),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended_by(process, number):
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    return process.returncode, output.strip(), errors


@pytest.fixture
def path(tmp_path):
    return tmp_path / "shop.sock"


@pytest.fixture
def listening(path):
    """What spawn-fcgi and mod_fcgid put on descriptor 0."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        made.listen()
        yield made


@pytest.mark.parametrize(("module", "protocol"), [("fcgi", "fastcgi"), ("scgi", "scgi")])
def test_socket_on_descriptor_0(module, protocol, listening, path):
    arguments = "bindAddress=None, environ={'SHOP': 'Corner'}"
    with running(program(module, arguments), stdin=listening) as process:
        response = DOORS[protocol](str(path)).request("GET", "/cart/1")
        assert response.body == b"['', '/cart/1', 'Corner', 'GET']"
        status, output, errors = ended_by(process, signal.SIGTERM)
    assert (status, output) == (0, "False")
    assert errors == "polydoor: SIGTERM: finishing open requests, for at most 30 s\n"


@pytest.mark.parametrize(("module", "protocol"), [("fcgi", "fastcgi"), ("scgi", "scgi")])
def test_path_with_umask_and_a_restart_by_sighup(module, protocol, path):
    arguments = f"bindAddress={str(path)!r}, umask=0o027, environ={{'REQUEST_METHOD': 'OURS'}}"
    with running(program(module, arguments)) as process:
        assert eventually(path.exists)
        assert eventually(lambda: path.stat().st_mode & 0o777 == 0o750)
        response = DOORS[protocol](str(path)).request("GET", "/")
        assert response.body == b"['', '/', None, 'OURS']"  # what the program says wins, as with flup
        status, output, _ = ended_by(process, signal.SIGHUP)
    assert (status, output) == (0, "True")
    assert not path.exists()


def test_script_name_of_scgi_is_the_mount(listening, path):
    with running(program("scgi", "scriptName='/shop', bindAddress=None"), stdin=listening):
        assert DOORS["scgi"](str(path)).request("GET", "/shop/cart").body == b"['/shop', '/cart', None, 'GET']"


def test_without_a_socket_on_descriptor_0_it_says_what_to_do():
    with running(program("fcgi", "")) as process:
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "polydoor.errors.BindError" in errors
    assert errors.endswith(
        "Without bindAddress, descriptor 0 must be the listening socket, as spawn-fcgi and mod_fcgid pass it.\n"
    )


@pytest.mark.parametrize(("allowed", "served"), [("127.0.0.2,127.0.0.1", True), ("127.0.0.2", False)])
def test_web_servers_of_the_environment(allowed, served):
    env = {"FCGI_WEB_SERVER_ADDRS": allowed}
    with socket.create_server(("127.0.0.1", 0)) as listening, running(program("fcgi", ""), stdin=listening, env=env):
        address = listening.getsockname()
        if served:
            assert DOORS["fastcgi"](address).request("GET", "/").status == 200
        else:
            with socket.create_connection(address) as connection:
                assert connection.recv(1) == b""


def test_example_of_the_reference(listening, path, tmp_path):
    page = Path(__file__).parents[2] / "docs" / "reference" / "python.md"
    for step in read_page(page):
        if isinstance(step, File):
            (tmp_path / step.path).write_text(step.text, encoding="utf-8")
    with running(["old_shop.py"], stdin=listening, cwd=tmp_path) as old:
        assert DOORS["fastcgi"](str(path)).request("GET", "/").body == b"Open all day\n"
        assert ended_by(old, signal.SIGHUP)[0] == 42

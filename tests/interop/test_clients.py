"""Clients that others wrote ask Polydoor directly: libfcgi's cgi-fcgi, and for AJP13 PyPI's ajpy and nmap's scripts.

mod_jk is in test_apache_ajp.py, spawn-fcgi in test_cgi.py, and uwsgi-tools in test_uwsgi.py.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ajpy.ajp import AjpBodyRequest, AjpForwardRequest, AjpResponse

from peers import cgivars
from support.server import APPS
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SERVER = ("shop.example", 80)
TARGET = "/echo/a%2Fb/c%20d?q=1&r=%20+x"
PATH = "/echo/a/b/c d"
BODY = bytes(range(250)) * 2000
SECRET = "secret-of-the-tests"  # as the fixture `doors` sets it


# --- cgi-fcgi: a CGI program that passes its request on over FastCGI --------------------------------------------------


def cgi_fcgi(program: str, words: Sequence[str], target: str, body: bytes = b"") -> tuple[str, bytes]:
    """Head and body of the response, as a web server gets them from its CGI program."""
    method = "POST" if body else "GET"
    variables = cgivars.variables(method, target, [("X-Two", "2")], length=len(body), server=SERVER)
    done = subprocess.run(
        [program, *words], env=variables, input=body, stdout=subprocess.PIPE, timeout=60, check=True
    )  # it has no other environment
    head, _, rest = done.stdout.partition(b"\r\n\r\n")
    return head.decode(), rest


@pytest.mark.frontend("cgi-fcgi")
@pytest.mark.parametrize("name", ["fastcgi", "fastcgi-tcp"])
def test_cgi_fcgi_asks_and_is_answered(name, doors, program):
    address = doors[name].address
    place = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
    head, body = cgi_fcgi(program("cgi-fcgi"), ["-bind", "-connect", place], TARGET)
    assert head.startswith("Status: 200 OK\r\n")
    environ = json.loads(body)["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"], environ["QUERY_STRING"]) == ("", PATH, "q=1&r=%20+x")
    assert (environ["SERVER_NAME"], environ["HTTP_X_TWO"]) == ("shop.example", "2")
    head, body = cgi_fcgi(program("cgi-fcgi"), ["-bind", "-connect", place], "/digest", BODY)
    assert json.loads(body) == [len(BODY), hashlib.sha256(BODY).hexdigest(), str(len(BODY))]


@pytest.mark.frontend("cgi-fcgi")
def test_cgi_fcgi_starts_polydoor_itself(tmp_path, program):
    pid_file, app = tmp_path / "pid", f"{APPS}/conformance.py:application"
    path = os.environ.get("PYTHONPATH", "")
    shop = tmp_path / "shop.fcgi"
    shop.write_text(
        f"#!/bin/sh\necho $$ >'{pid_file}'\n"
        f"exec env -i PYTHONPATH='{path}' '{sys.executable}' -m polydoor '{app}' --no-access-log 2>'{tmp_path}/log'\n"
    )
    shop.chmod(0o755)
    words = ["-start", "-connect", str(tmp_path / "socket"), str(shop)]
    subprocess.run([program("cgi-fcgi"), *words], env={}, stdout=subprocess.DEVNULL, timeout=60, check=True)
    assert eventually(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"))
    pid = int(pid_file.read_text())
    try:
        _, body = cgi_fcgi(program("cgi-fcgi"), ["-bind", "-connect", str(tmp_path / "socket")], TARGET)
        environ = json.loads(body)["environ"]
        assert (environ["PATH_INFO"], environ["wsgi.run_once"]) == (PATH, False)
    finally:
        os.kill(pid, signal.SIGTERM)
    assert eventually(lambda: not Path(f"/proc/{pid}/exe").exists()), (tmp_path / "log").read_text()


# --- ajpy, with which people look for Ghostcat ------------------------------------------------------------------------


class Ajpy:
    """One connection of ajpy's."""

    def __init__(self, sock: socket.socket, stream: io.BufferedReader) -> None:
        self._sock = sock
        self._stream = stream

    def ask(self, target: str, *attributes: tuple[str, Any], body: bytes | None = None) -> SimpleNamespace:
        """The status, body and reuse of the answer to one request."""
        path, _, query = target.partition("?")
        forward = AjpForwardRequest(AjpForwardRequest.SERVER_TO_CONTAINER)
        forward.method = AjpForwardRequest.GET if body is None else AjpForwardRequest.POST
        forward.protocol, forward.req_uri, forward.is_ssl = "HTTP/1.1", path, False
        forward.remote_addr = forward.remote_host = "127.0.0.9"
        forward.server_name, forward.server_port = SERVER
        forward.request_headers = {"SC_REQ_HOST": "shop.example", "X-Two": "2"}
        if body is not None:
            forward.request_headers["SC_REQ_CONTENT_LENGTH"] = str(len(body))
        named = [*attributes, *([("query_string", query)] if query else [])]
        forward.attributes = [{"name": name, "value": value} for name, value in named]
        if body is None:
            packets = forward.send_and_receive(self._sock, self._stream)
        else:
            forward.send_and_receive(self._sock, self._stream)
            packets = self._send_body(body)
        head, end = packets[0], packets[-1]
        chunks = [packet.data for packet in packets if packet.prefix_code == AjpResponse.SEND_BODY_CHUNK]
        assert all(chunk.endswith(b"\0") for chunk in chunks)
        text = b"".join(chunk[:-1] for chunk in chunks)
        return SimpleNamespace(status=head.http_status_code, headers=head.response_headers, text=text, reuse=end.reuse)

    def _send_body(self, body: bytes) -> list[AjpResponse]:
        """Packet for packet, each but the first when it is asked for; then what is answered."""
        data = io.BytesIO(body)
        packets: list[AjpResponse] = []
        while not packets:
            self._sock.sendall(AjpBodyRequest(data, len(body), AjpBodyRequest.SERVER_TO_CONTAINER).serialize())
            answer = AjpResponse.receive(self._stream)
            if answer.prefix_code != AjpResponse.GET_BODY_CHUNK:
                packets.append(answer)
        while packets[-1].prefix_code != AjpResponse.END_RESPONSE:
            packets.append(AjpResponse.receive(self._stream))
        return packets


@contextmanager
def ajpy(address: tuple[str, int]) -> Iterator[Ajpy]:
    with socket.create_connection(address, timeout=60) as sock, sock.makefile("rb") as stream:
        yield Ajpy(sock, stream)


def test_ajpy_asks_and_is_answered_on_one_connection(doors):
    with ajpy(doors["ajp"].address) as client:
        for _ in range(3):
            answer = client.ask(TARGET, ("req_attribute", ("AJP_REMOTE_PORT", "40001")))
            environ = json.loads(answer.text)["environ"]
            assert (answer.status, answer.reuse, environ["PATH_INFO"]) == (200, 1, PATH)
            assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == ("127.0.0.9", "40001")
            assert (environ["QUERY_STRING"], environ["HTTP_X_TWO"]) == ("q=1&r=%20+x", "2")
        answer = client.ask("/digest", body=BODY)
        assert json.loads(answer.text)[:2] == [len(BODY), hashlib.sha256(BODY).hexdigest()]
        assert len(client.ask("/sized?size=100003&count=5").text) == 500_015


def test_ajpy_needs_the_secret(doors):
    with ajpy(doors["ajp-secret"].address) as client:
        assert client.ask("/arguments", ("secret", SECRET)).text == b"[2, []]"
        assert client.ask("/arguments", ("secret", "wrong")).status == 403
    with ajpy(doors["ajp-secret"].address) as client:
        assert client.ask("/arguments").status == 403


def test_cve_2020_1938_ajpy_gets_no_file(doors):
    """The attributes of Ghostcat are neither obeyed nor given to the application."""
    include = "javax.servlet.include"
    values = {"request_uri": "/", "path_info": "/etc/passwd", "servlet_path": "/"}
    attributes = [("req_attribute", (f"{include}.{name}", value)) for name, value in values.items()]
    with ajpy(doors["ajp"].address) as client:
        answer = client.ask("/echo", *attributes)
    assert (answer.status, json.loads(answer.text)["environ"]["PATH_INFO"]) == (200, "/echo")
    assert not re.search(b"root:|passwd|javax", answer.text)


# --- nmap's ajp-* scripts ---------------------------------------------------------------------------------------------


def nmap(program: str, door: Any, **paths: str) -> dict[str, str]:
    """What each script says, by its name."""
    host, port = door.address
    scripts = ",".join(f"+ajp-{name}" for name in paths)
    arguments = ",".join(f"ajp-{name}.path={path}" for name, path in paths.items())
    arguments += ",ajp-request.username=me,ajp-request.password=open"
    command = [program, "-sT", "-Pn", "-n", "-p", str(port), "--script", scripts, "--script-args", arguments, host]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=True)
    said = re.split(r"^\|[ _]ajp-(\w+): ?\n?", done.stdout, flags=re.MULTILINE)
    pairs = zip(said[1::2], said[2::2], strict=True)
    return {name: re.sub(r"^\|[ _] ?", "", text, flags=re.MULTILINE) for name, text in pairs}


@pytest.mark.frontend("nmap")
def test_nmap_asks_in_each_of_its_ways(doors, program):
    found = nmap(
        program("nmap"), doors["ajp"], headers="/guarded", methods="/guarded", request="/guarded", auth="/guarded"
    )
    assert sorted(found) == ["auth", "headers", "methods", "request"]
    assert "WWW-Authenticate: Basic realm=shop\n" in found["headers"]
    assert "Supported methods: GET HEAD OPTIONS\n" in found["methods"]
    # Two requests on one connection: the first is refused.
    assert found["request"].lstrip().startswith("AJP/1.3 200 OK\n")
    assert "me is let in\n" in found["request"]
    assert "Basic realm=shop\n" in found["auth"]

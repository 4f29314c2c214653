"""`polydoor request` asks servers that are not ours: php-fpm over FastCGI, and uWSGI over its four sockets."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from polydoor.cli import main
from support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = """<?php
header("X-From: php");
if (isset($_GET["go"])) header("Location: /there");
if (isset($_GET["log"])) error_log("seen");
echo $_SERVER["REQUEST_METHOD"], " ", $_SERVER["SCRIPT_NAME"], " ", $_GET["q"] ?? "", " ",
    strlen(file_get_contents("php://input")), " ", $_SERVER["SHOP"] ?? "", "\\n";
"""
POOL = """
[global]
error_log = {folder}/error.log
daemonize = no
[www]
listen = {folder}/fpm.sock
user = {user}
group = {user}
pm = static
pm.max_children = 1
"""
APP = """
def application(environ, start_response):
    body = environ["wsgi.input"].read()
    text = "{REQUEST_METHOD} {PATH_INFO} {QUERY_STRING} {HTTP_X_OWN}".format(**environ)
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-From", "uwsgi")])
    return [text.encode(), b" %d\\n" % len(body)]
"""


@pytest.fixture(scope="module")
def fpm(tmp_path_factory: pytest.TempPathFactory, program: Callable[[str], str]) -> Iterator[Path]:
    """A running php-fpm: the folder with its socket and its page."""
    folder = tmp_path_factory.mktemp("fpm")
    user = pwd.getpwuid(os.geteuid()).pw_name
    (folder / "index.php").write_text(PAGE)
    (folder / "pool.conf").write_text(POOL.format(folder=folder, user=user))
    command = [program("php-fpm"), "-n", "-R", "-y", folder / "pool.conf", "-F"]
    with (folder / "said").open("wb") as said, subprocess.Popen(command, stderr=said) as process:
        try:
            assert eventually(lambda: (folder / "fpm.sock").exists() or process.poll() is not None)
            assert process.poll() is None, (folder / "said").read_text()
            yield folder
        finally:
            process.terminate()


def ask_fpm(folder: Path, *words: str) -> int:
    return main(["request", f"fastcgi+unix:{folder}/fpm.sock", "--script-filename", f"{folder}/index.php", *words])


@pytest.mark.frontend("php-fpm")
def test_php_fpm_serves_a_page(fpm: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert ask_fpm(fpm, "GET", "/index.php?q=1", "-i", "--param", "SHOP=open") == 0
    out = capsysbinary.readouterr().out
    assert b"X-From: php\n" in out
    assert out.endswith(b"\n\nGET /index.php 1 0 open\n")


@pytest.mark.frontend("php-fpm")
def test_php_fpm_takes_a_body_and_many_variables(fpm: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    (fpm / "body").write_bytes(bytes(300_000))
    variables = [word for n in range(20) for word in ("--param", f"LONG_{n}={'x' * 4000}")]
    assert ask_fpm(fpm, "/index.php", "-T", str(fpm / "body"), *variables) == 0
    assert capsysbinary.readouterr().out == b"PUT /index.php  300000 \n"


@pytest.mark.frontend("php-fpm")
def test_php_fpm_redirects_and_logs(fpm: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert ask_fpm(fpm, "/index.php?go=1&log=1", "-i") == 0
    out, err = capsysbinary.readouterr()
    assert out.startswith(b"Status: 302 Found\n")
    assert b"Location: /there\n" in out
    assert err.startswith(b"stderr: PHP message: seen")


@pytest.mark.frontend("php-fpm")
def test_php_fpm_misses_a_page(fpm: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert ask_fpm(fpm, "/none.php", "-f", "--param", f"SCRIPT_FILENAME={fpm}/none.php") == 22
    assert capsysbinary.readouterr().out == b"File not found.\n"


@pytest.fixture(scope="module")
def uwsgi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running uWSGI: its addresses by protocol."""
    folder = tmp_path_factory.mktemp("uwsgi")
    (folder / "shop.py").write_text(APP)
    sockets = {protocol: f"{folder}/{protocol}.sock" for protocol in ("fastcgi", "scgi", "uwsgi")}
    with socket.create_server(("127.0.0.1", 0)) as held:
        # uWSGI takes over a listening socket that stands open as descriptor N: no port is free for a moment only.
        port = held.getsockname()[1]
        command = [Path(sys.executable).with_name("uwsgi"), "--http-socket", f"fd://{held.fileno()}"]
        command += [word for protocol, path in sockets.items() for word in (f"--{protocol}-socket", path)]
        command += ["--wsgi-file", folder / "shop.py", "--master", "--die-on-term"]
        with (folder / "said").open("wb") as said:
            process = subprocess.Popen(command, stderr=said, stdout=said, pass_fds=[held.fileno()])
    try:
        assert eventually(
            lambda: process.poll() is not None or b"spawned uWSGI worker" in (folder / "said").read_bytes()
        )
        assert process.poll() is None, (folder / "said").read_text()
        yield {"http": f"http://127.0.0.1:{port}"} | {name: f"{name}+unix:{path}" for name, path in sockets.items()}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


@pytest.mark.frontend("uwsgi")
@pytest.mark.parametrize("protocol", ["http", "fastcgi", "scgi", "uwsgi"])
def test_uwsgi_serves_over_each_socket(
    protocol: str, uwsgi: dict[str, str], capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["request", uwsgi[protocol], "POST", "/a%20b?q=1", "-H", "X-Own: 2", "-d", "hello", "-i"]) == 0
    head, _, body = capsysbinary.readouterr().out.partition(b"\n\n")
    assert b" 200 OK\n" in head
    assert b"X-From: uwsgi" in head
    assert body == b"POST /a b q=1 2 5\n"

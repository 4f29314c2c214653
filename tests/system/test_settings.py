"""Settings of every source, as the running process sees them."""

import http.client
import subprocess
import sys

import pytest

from support.server import APPS, BANNER_URL, Server, listener_address

APP = """import os
SEEN = " ".join(f"{name}={os.environ.get(name)}" for name in ("FROM_FILE", "FROM_OPTION", "FROM_OUTSIDE"))


def make():
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [SEEN.encode(), b" ", environ["SHOP"].encode()]
    return app
"""


def address(server):
    server.log.wait_for("Ctrl-C stops")
    (url,) = BANNER_URL.findall(server.log.text)
    return listener_address(url)


def get(server):
    connection = http.client.HTTPConnection(*address(server), timeout=30)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_file_variables_and_options_reach_the_application(tmp_path):
    (tmp_path / "site" / "code").mkdir(parents=True)
    (tmp_path / "site" / "code" / "shop.py").write_text(APP, encoding="utf-8")
    (tmp_path / "site" / "vars").write_text(
        "# for the shop\nexport FROM_FILE='of the file'\nFROM_OUTSIDE=lost\nPOLYDOOR_THREADS=3\n", encoding="utf-8"
    )
    (tmp_path / "site" / "polydoor.toml").write_text(
        'app = "shop:make"\nfactory = true\napp-dir = "code"\nenv-file = ["vars"]\n'
        'bind = "http://127.0.0.1:0"\nthreads = 2\nwsgi-environ = ["SHOP=Corner"]\n',
        encoding="utf-8",
    )
    options = ["--chdir", "site", "-e", "FROM_OPTION=of the option"]
    with Server(None, (), threads=None, options=options, env={"FROM_OUTSIDE": "kept"}, cwd=tmp_path) as server:
        assert get(server) == "FROM_FILE=of the file FROM_OPTION=of the option FROM_OUTSIDE=kept Corner"
        assert "3 requests at once" in server.log.text


def test_platform_sets_port_and_concurrency():
    env = {"PORT": "0", "WEB_CONCURRENCY": "3"}
    with Server(f"{APPS}/trivial.py:app", (), env=env) as server:
        assert address(server)[0] == "0.0.0.0"
        assert "  3 workers, each: 4 requests at once, up to 16384 connections" in server.log.lines


@pytest.mark.parametrize(
    ("arguments", "status", "first"),
    [
        ([], 2, "polydoor: PD0004: no application is named"),
        (["check", f"{APPS}/trivial.py:app"], 0, f"polydoor: all is well: {APPS}/trivial.py:app for http://"),
        (["check", f"{APPS}/trivial.py:absent"], 4, "polydoor: "),
        (["check", f"{APPS}/absent.py"], 3, "polydoor: PD0102: there is no file "),
        (["check", "-b", "x"], 2, "polydoor: PD0007: bad address 'x'"),
        (["config", "show"], 0, "# Every setting as it applies"),
    ],
)
def test_exit_status_of_the_process(arguments, status, first, tmp_path):
    command = [sys.executable, "-m", "polydoor", *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert (done.stderr if status else done.stdout).startswith(first)
    assert "__main__" not in done.stderr

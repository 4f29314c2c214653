"""The CGI stub as `polydoor cgi init` sets it up, behind Apache's mod_cgi and lighttpd's, with a real daemon."""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from interop.frontends import OWN, Lighttpd, Site, free_port
from interop.programs import OwnApache
from peers.door import HttpDoor
from polydoor.cli import main
from support import stub
from support.hosted import FOUND
from support.server import APPS

APACHE = """\
Listen {own}:{port}
DocumentRoot {www}
AllowEncodedSlashes NoDecode
TypesConfig /dev/null
<Directory {www}>
    AllowOverride All
    Require all granted
</Directory>
"""
RAW = "/echo/a%2Fb/c%20d;x=1//e%3Fx/%C3%A9?q=1&r=%20+x"
PATH = "/echo/a/b/c d;x=1//e?x/\u00c3\u00a9"
WRITTEN = (".htaccess", ".ht-shop.cgi.conf", "shop.cgi")


class Hosted:
    """A web space with a stub, and what `polydoor cgi init` has printed."""

    def __init__(self, folder, server):
        self.www = folder / "www"
        (self.www / "static").mkdir(parents=True)
        self.www.chmod(0o755)
        (self.www / "static/logo.txt").write_text("logo\n")
        (self.www / "loose.txt").write_text("loose\n")
        found = [f"--env={name}={value}" for name, value in FOUND.items() if name != "PATH"]
        words = ["--server", server, "--name", "shop", "--static", "static", "--stub", str(stub.released()), *found]
        words += ["--state", str(folder / "state"), "--directory", str(APPS)]
        with redirect_stdout(io.StringIO()) as out:
            assert main(["cgi", "init", f"{APPS}/conformance.py:application", str(self.www), *words]) == 0
        self.printed = out.getvalue()

    def stop(self):
        with redirect_stdout(io.StringIO()):
            main(["cgi", "stop", str(self.www)])


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("apache", marks=pytest.mark.frontend("apache", "namespaces")),
        pytest.param("lighttpd", marks=pytest.mark.frontend("lighttpd")),
    ],
)
def site(request, tmp_path_factory):
    """A front end before a stub."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="polydoor-") as name:  # short enough for a socket
        folder = Path(name)
        folder.chmod(0o755)
        hosted = Hosted(folder, request.param)
        if request.param == "apache":
            front = OwnApache(
                tmp_path_factory.mktemp("apache"),
                [Site("hosted", port, APACHE.format(www=hosted.www, own=OWN, port=port))],
            )
        else:
            lines = hosted.printed.partition("# Into")[2].partition("\nNext:")[0].partition("\n")[2]
            text = f'server.document-root := "{hosted.www}"\n{lines}$SERVER["socket"] == "{OWN}:{port}" {{ }}\n'
            front = Lighttpd(tmp_path_factory.mktemp("lighttpd"), [Site("hosted", port, text)])
        with front:
            yield HttpDoor((OWN, port), ("shop.example", port))
        hosted.stop()


def test_the_application_has_the_whole_site_and_one_daemon(site):
    headers = [("Cookie", "a=1; b=2"), ("Authorization", "Basic dTpw"), ("Proxy", "http://evil/")]
    environ = site.request("GET", RAW, headers).json()["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", PATH)
    assert (environ["REQUEST_URI"], environ["QUERY_STRING"]) == (RAW, "q=1&r=%20+x")
    assert (environ["HTTP_COOKIE"], environ["HTTP_AUTHORIZATION"]) == ("a=1; b=2", "Basic dTpw")
    assert "HTTP_PROXY" not in environ
    assert environ["wsgi.run_once"] is False
    assert site.request("GET", "/echo").json()["environ"]["PATH_INFO"] == "/echo"


def test_nothing_that_was_written_can_be_fetched(site):
    for name in WRITTEN:
        for path in (f"/{name}", f"/%2e{name[1:]}", f"/static/../{name}", f"/x/../{name}", f"//{name}", f"/{name}/x"):
            response = site.request("GET", path)
            assert response.status in (400, 403, 404), path


def test_files_of_a_named_folder_are_the_web_servers_and_all_others_are_not(site):
    assert site.request("GET", "/static/logo.txt").body == b"logo\n"
    assert b"loose" not in site.request("GET", "/loose.txt").body


def test_bodies_come_through_both_ways(site):
    body = os.urandom(300_000)
    total, _, _ = site.request("POST", "/digest", [], body).json()
    assert total == len(body)
    response = site.request("GET", "/sized?size=100003&count=5")
    assert (response.complete, len(response.body)) == (True, 500_015)

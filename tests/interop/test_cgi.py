"""CGI behind Apache's mod_cgi and lighttpd's mod_cgi, and started with a listening socket by mod_fcgid, lighttpd and
spawn-fcgi: the processes are started by the front ends themselves."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interop.frontends import OWN, Lighttpd, Site, free_port
from interop.programs import OwnApache
from peers.door import FcgiDoor, HttpDoor
from support.server import APPS
from support.waiting import eventually

APP = f"{APPS}/conformance.py:application"
RAW = "/a%2Fb/c%20d;x=1//e/%C3%A9?q=1&r=%20+x"  # protocols section 9.2
PATH = "/a/b/c d;x=1//e/\u00c3\u00a9"

REWRITE = """\
Options +ExecCGI
AddHandler cgi-script .cgi
RewriteEngine On
RewriteCond %{REQUEST_FILENAME} !-f
RewriteRule ^(.*)$ shop.cgi/$1 [L]
"""

APACHE = """\
Listen {own}:{port}
DocumentRoot {www}
AllowEncodedSlashes NoDecode
TypesConfig /dev/null
FcgidIPCDir {folder}
FcgidProcessTableFile {folder}/processes
FcgidMaxRequestLen 10000000
<Directory {www}>
    AllowOverride All
    Require all granted
</Directory>
<Directory {www}/fast>
    Options +ExecCGI
    AddHandler fcgid-script .fcgi
    RewriteEngine Off
</Directory>
ScriptAlias /cgi-bin/ {www}/cgi-bin/
<Directory {www}/cgi-bin>
    RewriteEngine Off
    CGIPassAuth On
</Directory>
"""

LIGHTTPD = """\
server.modules += ( "mod_cgi", "mod_fastcgi" )
server.document-root := "{www}"
cgi.assign = ( ".cgi" => "" )
fastcgi.server = ( "/fast" => (( "socket" => "{folder}/f", "bin-path" => "{www}/fast/shop.fcgi",
  "max-procs" => 1, "check-local" => "disable" )) )
$SERVER["socket"] == "{own}:{port}" {{ }}
"""


def script(path: Path, words: str) -> None:
    """A program for a web server."""
    found = os.environ.get("PYTHONPATH", "")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexec env PYTHONPATH='{found}' '{sys.executable}' -m polydoor {words}\n")
    path.chmod(0o755)


@pytest.fixture(scope="module")
def www(tmp_path_factory):
    """The folder of a web site with programs in it."""
    folder = tmp_path_factory.mktemp("www")
    for name in ("cgi-bin", ".", "sub"):
        script(folder / name / "shop.cgi", f"cgi '{APP}'")
    script(folder / "cgi-bin" / "plain.cgi", f"'{APP}'")
    script(folder / "cgi-bin" / "careless.cgi", f"cgi '{APP}' \"$@\"")
    script(folder / "cgi-bin" / "absent.cgi", "cgi no_such_module_secret")
    script(folder / "fast" / "shop.fcgi", f"'{APP}' -t 2 --no-access-log")
    for name in (".", "sub"):
        (folder / name / ".htaccess").write_text(REWRITE)
    return folder


@pytest.fixture(scope="module")
def apache(www, tmp_path_factory):
    folder = tmp_path_factory.mktemp("apache")
    port = free_port()
    with OwnApache(folder, [Site("cgi", port, APACHE.format(www=www, folder=folder, own=OWN, port=port))]):
        yield HttpDoor((OWN, port), ("shop.example", port))


@pytest.fixture(scope="module")
def lighttpd(www, tmp_path_factory):
    folder = tmp_path_factory.mktemp("lighttpd")
    port = free_port()
    with Lighttpd(folder, [Site("cgi", port, LIGHTTPD.format(www=www, folder=folder, own=OWN, port=port))]):
        yield HttpDoor((OWN, port), ("shop.example", port))


WAYS = {
    "mod_cgi": ("apache", "/cgi-bin/shop.cgi"),
    "mod_cgi, found out": ("apache", "/cgi-bin/plain.cgi"),
    "mod_cgi, rewritten at the root": ("apache", ""),
    "mod_cgi, rewritten in a folder": ("apache", "/sub"),
    "mod_fcgid": ("apache", "/fast/shop.fcgi"),
    "lighttpd mod_cgi": ("lighttpd", "/cgi-bin/shop.cgi"),
    "lighttpd bin-path": ("lighttpd", "/fast"),
}


NEEDS = {"apache": ("apache", "mod_fcgid", "namespaces"), "lighttpd": ("lighttpd",)}


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.frontend(*NEEDS[front])) for name, (front, _) in WAYS.items()]
)
def way(request):
    """A front end with the path below which it has the application."""
    name, mount = WAYS[request.param]
    return request.getfixturevalue(name), mount


def test_the_environ_is_right(way):
    door, mount = way
    headers = [("Cookie", "a=1; b=2"), ("Proxy", "http://evil/"), ("X-Two", "1"), ("X-Two", "2")]
    environ = door.request("GET", f"{mount}/echo{RAW}", headers).json()["environ"]
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == (mount, f"/echo{PATH}")
    assert (environ["REQUEST_URI"], environ["QUERY_STRING"]) == (f"{mount}/echo{RAW}", "q=1&r=%20+x")
    assert (environ["HTTP_COOKIE"], environ["HTTP_X_TWO"]) == ("a=1; b=2", "1, 2")
    assert environ["REMOTE_ADDR"].startswith("127.")
    assert not {"HTTP_PROXY", "PATH", "LD_LIBRARY_PATH", "PYTHONPATH"} & set(environ)
    assert environ["wsgi.run_once"] is not ("fast" in mount)


def test_bodies_come_through_both_ways(way):
    door, mount = way
    body = bytes(range(250)) * 2000
    total, digest, _ = door.request("POST", f"{mount}/digest", [], body).json()
    assert (total, digest) == (len(body), hashlib.sha256(body).hexdigest())
    response = door.request("GET", f"{mount}/sized?size=100003&count=5")
    assert (response.complete, len(response.body)) == (True, 500_015)


def test_head_and_statuses_come_through(way):
    door, mount = way
    response = door.request("HEAD", f"{mount}/sized?size=1000")
    assert (response.status, response.body, response.complete) == (200, b"", True)
    assert door.request("GET", f"{mount}/no_such_application").status == 404


@pytest.mark.frontend("lighttpd")
@pytest.mark.parametrize("mount", ["/cgi-bin/shop.cgi", "/fast"])
def test_a_response_with_a_length_that_breaks_off_is_seen_as_broken(lighttpd, key, mount):
    # Not by Apache: it drops the length of a CGI response, or sets it to what has come.
    # On a kept connection the client would wait for the rest until the front end has had enough of the silence.
    response = lighttpd.request("GET", f"{mount}/crash?where=later-length&key={key}", [("Connection", "close")])
    assert (response.status, response.complete) == (200, False)


@pytest.mark.frontend(*NEEDS["apache"])
def test_cve_2012_1823_words_of_the_query_reach_nobody(apache):
    environ = apache.request("GET", "/cgi-bin/careless.cgi/echo?--dev+-b+other:app").json()["environ"]
    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/echo", "--dev+-b+other:app")


@pytest.mark.frontend(*NEEDS["apache"])
def test_a_program_that_cannot_start_says_so_without_a_reason(apache):
    response = apache.request("GET", "/cgi-bin/absent.cgi")
    assert (response.status, response.complete) == (500, True)
    assert b"secret" not in response.body


@pytest.mark.frontend("spawn-fcgi")
def test_spawn_fcgi(www, tmp_path, program):
    pid_file = tmp_path / "pid"
    command = [program("spawn-fcgi"), "-s", str(tmp_path / "s"), "-P", str(pid_file), "--", str(www / "fast/shop.fcgi")]
    subprocess.run(command, check=True, capture_output=True)
    pid = int(pid_file.read_text())
    try:
        environ = FcgiDoor(str(tmp_path / "s")).request("GET", f"/echo{RAW}").json()["environ"]
        assert (environ["PATH_INFO"], environ["wsgi.run_once"]) == (f"/echo{PATH}", False)
    finally:
        os.kill(pid, signal.SIGTERM)
    assert eventually(lambda: not Path(f"/proc/{pid}/exe").exists())

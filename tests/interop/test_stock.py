"""Configurations as distributions and guides have them, without anything of ours, before a listener without a profile.

The environ is right, or `polydoor frontend test` finds what is not and names the line to change.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from interop.frontends import FRONT_ENDS, OWN, SERVER_NAME, Site, free_port
from interop.pairs import CLIENT, NEEDS, SOFTWARE, SPOKEN
from interop.programs import PROGRAMS
from peers.door import HttpDoor
from support.server import APPS, Server

MOUNT = "/m"
TOKEN = "a-token-for-stock-configurations"
FORMS = {
    "nginx": """\
server {{
    listen {own}:{port};
    server_name {name};
    location / {{
        include /etc/nginx/{params};
        {protocol}_pass {place};
    }}
}}
""",
    "apache": "Listen {own}:{port}\n<VirtualHost {own}:{port}>\n    ServerName {name}\n"
    '    ProxyPass "/" "{scheme}://{address}/"\n</VirtualHost>\n',
    "mod_jk": """\
JkWorkerProperty worker.list=shop
JkWorkerProperty worker.shop.type=ajp13
JkWorkerProperty worker.shop.host={host}
JkWorkerProperty worker.shop.port={at}
Listen {own}:{port}
<VirtualHost {own}:{port}>
    ServerName {name}
    JkMount /* shop
</VirtualHost>
""",
    "lighttpd": """\
server.modules += ( "mod_{module}" )
$SERVER["socket"] == "{own}:{port}" {{
    {uwsgi}
    {module}.server = ( "{match}" => (( "host" => "{host}", "port" => {at}{local} )) )
}}
""",
    "haproxy": """\
frontend {protocol}
    bind {own}:{port}
    timeout client 10s
    default_backend {protocol}
backend {protocol}
    timeout connect 5s
    timeout server 20s
    {use}
    server polydoor {address} {proto}
{app}
""",
    "caddy": "http://{name}:{port} {{\n\tbind {own}\n\treverse_proxy {address} {{\n\t\t{transport}\n\t}}\n}}\n",
}
# What starts the application by itself, with the folder for programs as Debian sets it up.
CGI_BIN = "/cgi-bin/shop.cgi"
APACHE_CGI = """\
Listen {own}:{port}
<VirtualHost {own}:{port}>
    ServerName {name}
    {handler}
    {alias} /cgi-bin/ {folder}/
    <Directory "{folder}">
        AllowOverride None
        Options +ExecCGI
        Require all granted
    </Directory>
</VirtualHost>
"""
LIGHTTPD_CGI = """\
server.modules += ( "mod_cgi", "mod_alias" )
server.stream-response-body = 0
$SERVER["socket"] == "{own}:{port}" {{
    $HTTP["url"] =^ "/cgi-bin/" {{
        alias.url += ( "/cgi-bin/" => "{folder}/" )
        cgi.assign = ( "" => "" )
    }}
}}
"""
STARTED = {  # form, words for `handler` and `alias`, how the program is started
    "mod_cgi": (APACHE_CGI, "", "ScriptAlias", "cgi"),
    "mod_fcgid": (APACHE_CGI, "AddHandler fcgid-script .cgi", "Alias", "-t 1"),
    "lighttpd_cgi": (LIGHTTPD_CGI, "", "", "cgi"),
}
# The checks one of which must have failed where this key is wrong.
PATHS = {"path and mount", "double slashes", "%2F in a path", "non-ASCII in a path"}
CHECKS = {
    **dict.fromkeys(("SCRIPT_NAME", "PATH_INFO", "REQUEST_URI"), PATHS),
    "QUERY_STRING": {"query"},
    "REMOTE_ADDR": {"client address"},
    "HTTP_HOST": {"host"},
    "HTTP_COOKIE": {"cookies"},
    "HTTP_X_A": {"repeated headers"},
}


def stock(name, protocol, address):
    host, at = address
    port = free_port()
    gateway = protocol != "http"
    values = {
        "own": OWN,
        "port": port,
        "name": SERVER_NAME,
        "host": host,
        "at": at,
        "address": f"{host}:{at}",
        "protocol": "proxy" if name == "nginx" and not gateway else protocol,
        "params": f"{protocol}_params" if gateway else "proxy_params",
        "place": f"{host}:{at}" if gateway else f"http://{host}:{at}",
        "scheme": {"fastcgi": "fcgi"}.get(protocol, protocol),
        "module": {"http": "proxy", "uwsgi": "scgi", "ajp": "ajp13"}.get(protocol, protocol),
        "match": "" if protocol == "ajp" else "/",
        "uwsgi": 'scgi.protocol = "uwsgi"' if protocol == "uwsgi" else "",
        "local": ', "check-local" => "disable"' if gateway and protocol != "ajp" else "",
        "use": "use-fcgi-app shop" if gateway else "",
        "proto": "proto fcgi" if gateway else "",
        "app": "fcgi-app shop\n    docroot /nonexistent" if gateway else "",
        "transport": "transport fastcgi" if gateway else "",
    }
    return Site(protocol, port, FORMS[name].format(**values))


@pytest.fixture(scope="module")
def doors():
    """One listener for each protocol, without a profile."""
    protocols = ("http", "fastcgi", "scgi", "uwsgi", "ajp")
    listeners = [f"{protocol}://127.0.0.1:0?mount={MOUNT}" for protocol in protocols]
    with Server(f"{APPS}/behind.py", listeners, threads=16, options=["--diagnostics", TOKEN]) as server:
        yield dict(zip(protocols, server.doors, strict=True))


def wrong_keys(site, mount):
    """What the application does not see as it is; no answer of its own counts as a wrong path."""
    door = HttpDoor(site.address, (SERVER_NAME, site.port))
    door.source = CLIENT
    target = f"{mount}/echo/a%2Fb/c%20d;x=1//e/%C3%A9?q=1&r=%20+x"
    headers = [("Cookie", "a=1"), ("Cookie", "b=2"), ("X-A", "1"), ("X-A", "2")]
    response = door.request("GET", target, headers)
    if response.status != 200:
        return {"PATH_INFO"}
    right = {
        "SCRIPT_NAME": mount,
        "PATH_INFO": "/echo/a/b/c d;x=1//e/\u00c3\u00a9",
        "QUERY_STRING": "q=1&r=%20+x",
        "REQUEST_URI": target,
        "REMOTE_ADDR": CLIENT,
        "HTTP_HOST": f"{SERVER_NAME}:{site.port}",
        "HTTP_COOKIE": "a=1; b=2",
        "HTTP_X_A": "1, 2",
    }
    environ = response.json()["environ"]
    return {key for key, value in right.items() if environ.get(key) != value}


def trial(name, site, mount):
    """`polydoor frontend test`, going on by itself: it waits for what does not come."""
    command = [sys.executable, "-m", "polydoor", "frontend", "test", f"http://{SERVER_NAME}:{site.port}{mount}/"]
    command += [
        "--connect",
        f"{OWN}:{site.port}",
        "--token",
        "env:DIAGNOSTICS",
        "--frontend",
        SOFTWARE.get(name, name),
        "--json",
    ]
    env = os.environ | {"DIAGNOSTICS": TOKEN}
    return subprocess.Popen([*command, "--timeout", "1.5"], env=env, stdout=subprocess.PIPE, text=True)


def check_right_or_told(name, sites, mount):
    """What is wrong behind a running front end is found by `polydoor frontend test`, with the line to change."""
    trials = [trial(name, site, mount) for site in sites]
    told = [json.loads(process.communicate()[0]) for process in trials]
    for site, told_of_it in zip(sites, told, strict=True):
        rows = {row["check"]: row for row in told_of_it["checks"] if row["outcome"] != "ok"}
        assert all(row["change"] for row in rows.values()), rows
        for key in wrong_keys(site, mount):
            assert CHECKS[key] & set(rows), f"{key} is wrong over {site.name}, and no check says so: {rows}"


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.frontend(name)) for name in FORMS])
def test_a_stock_configuration_is_right_or_the_line_to_change_is_named(name, doors, tmp_path):
    sites = [stock(name, protocol, doors[protocol].address) for protocol in SPOKEN[name]]
    with FRONT_ENDS[name](tmp_path, sites):
        check_right_or_told(name, sites, MOUNT)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.frontend(*NEEDS[name])) for name in STARTED])
def test_a_stock_folder_for_programs_is_right_or_the_line_to_change_is_named(name, doors, tmp_path):
    form, handler, alias, words = STARTED[name]
    folder = tmp_path / "programs"
    folder.mkdir()
    (tmp_path / "polydoor.toml").write_text(f'diagnostics = "{TOKEN}"\n', encoding="utf-8")
    host, at = doors["http"].address
    program = folder / "shop.cgi"
    program.write_text(
        f"#!/bin/sh\nexport PYTHONPATH='{os.environ.get('PYTHONPATH', '')}' JOURNAL='{host}:{at}'\n"
        f"exec '{sys.executable}' -m polydoor {words} -c '{tmp_path}/polydoor.toml' '{APPS}/behind.py'\n"
    )
    program.chmod(0o755)
    port = free_port()
    text = form.format(own=OWN, port=port, name=SERVER_NAME, folder=folder, handler=handler, alias=alias)
    sites = [Site(name, port, text)]
    with PROGRAMS[name](tmp_path / "front-end", sites):
        check_right_or_told(name, sites, CGI_BIN)

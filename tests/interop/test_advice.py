"""What `polydoor frontend test` advises mends Apache, lighttpd, HAProxy and Caddy; nginx is in test_frontend_test.py.

Each begins with a short configuration that does several things wrong. The lines that are told are put where they are
said to belong, a line that is there already in place of it, and at last nothing is wrong.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from interop.frontends import FRONT_ENDS, OWN, SERVER_NAME, Haproxy, Site, free_port
from interop.pairs import PROGRAMS, SOFTWARE
from support.server import APPS, Server

MOUNT = "/m"
TOKEN = "a-token-for-tests-of-advice"
ROUNDS = 3  # behind one fault there may be another
APACHE_WRONG = "KeepAlive Off\n    LimitRequestFieldSize 4000"
APACHE = f"""\
Listen {{own}}:{{port}}
<VirtualHost {{own}}:{{port}}>
    ServerName {{name}}
    {APACHE_WRONG}
    LimitRequestBody 100000
    ProxyPass "{MOUNT}/" "{{scheme}}://{{address}}{{path}}/"
    {{more}}
    # lines
</VirtualHost>
"""
MOD_JK = f"""\
JkWorkerProperty worker.list=shop
JkWorkerProperty worker.shop.type=ajp13
JkWorkerProperty worker.shop.host={{host}}
JkWorkerProperty worker.shop.port={{at}}
# outside of <VirtualHost>
Listen {{own}}:{{port}}
<VirtualHost {{own}}:{{port}}>
    ServerName {{name}}
    {APACHE_WRONG}
    JkMount /* shop
    # lines
</VirtualHost>
"""
LIGHTTPD = """\
server.modules += ( "mod_{module}" )
server.max-request-field-size = 4000
# outside of all conditions
$SERVER["socket"] == "{own}:{port}" {{
    server.max-request-size = 100
    server.max-keep-alive-idle = 0
    {more}
    # lines
    {module}.server = ( "/" => (( "host" => "{host}", "port" => {at}{local} )) )
}}
"""
HAPROXY = """\
global
    tune.bufsize 4096
    # in the section global
frontend shop
    bind {own}:{port}
    timeout client 10s
    option httpclose
    {more}
    # lines
    default_backend shop
backend shop
    timeout connect 5s
    timeout server 20s
    {use}
    server polydoor {address} {proto}
{app}
"""
HAPROXY_APP = "fcgi-app shop\n    docroot /nonexistent\n    # in the section fcgi-app"
CADDY = """\
http://{name}:{port} {{
    bind {own}
    request_body {{
        max_size 100KB
        # in request_body
    }}
    uri replace // /
    # lines
    reverse_proxy {address} {{
        {more}
        # in reverse_proxy
    }}
}}
"""
# Each with its configuration, what is wrong in it beside that, and the checks that fail at first.
UNSET = "RequestHeader unset Authorization"
APACHE_FAILS = {"%2F in a path", "cookies", "Authorization", "large request headers", "keep-alive"}
LATE = {"streaming without delay", "truncation without one"}
UPLOADS = {"upload", "100-continue upload", "early 413"}
LIGHTTPD_FAILS = {*UPLOADS, *LATE, "chunked upload", "large request headers", "keep-alive"}
HAPROXY_FAILS = {"large request headers", "large response headers", "keep-alive"}
NAIVE: dict[str, tuple[str, str, set[str]]] = {
    "apache+http": (APACHE, UNSET, APACHE_FAILS | {"double slashes", "host", "client address"}),
    "apache+fastcgi": (APACHE, "", APACHE_FAILS | {"streaming without delay"}),
    "apache+scgi": (APACHE, "", APACHE_FAILS | UPLOADS),
    "apache+uwsgi": (APACHE, UNSET, APACHE_FAILS | UPLOADS),
    "apache+ajp": (APACHE, UNSET, APACHE_FAILS | {"double slashes"}),
    "mod_jk+ajp": (MOD_JK, "", APACHE_FAILS - {"Authorization"} | {"double slashes", "truncation with a length"}),
    "lighttpd+http": (LIGHTTPD, "", LIGHTTPD_FAILS | {"double slashes", "%2F in a path", "client address"}),
    "lighttpd+fastcgi": (LIGHTTPD, "", LIGHTTPD_FAILS),
    "lighttpd+scgi": (LIGHTTPD, "", LIGHTTPD_FAILS),
    "lighttpd+uwsgi": (LIGHTTPD, 'scgi.protocol = "uwsgi"', LIGHTTPD_FAILS),
    "haproxy+http": (
        HAPROXY,
        "option forwardfor if-none\n    http-request set-header Host backend",
        HAPROXY_FAILS | {"host", "client address"},
    ),
    "haproxy+fastcgi": (
        HAPROXY,
        "http-request set-path %[path,regsub(//,/,g)]",
        HAPROXY_FAILS | {"double slashes", "Authorization"},
    ),
    "caddy+http": (
        CADDY,
        "header_up Host backend\n        trusted_proxies private_ranges",
        UPLOADS | {"chunked upload", "double slashes", "host", "client address"},
    ),
    "caddy+fastcgi": (CADDY, "transport fastcgi", UPLOADS | {"cookies", "streaming without delay"}),
}


class PlainHaproxy(Haproxy):
    """With nothing set that the site does not set."""

    def wrapped(self) -> str:
        return "defaults\n    mode http\n"


SEVERAL = {"option", "http-request", "RequestHeader", "JkWorkerProperty"}  # of which each line does something else
KINDS = FRONT_ENDS | {"haproxy": PlainHaproxy}


def configuration(name: str) -> str:
    """The naive one, but for what differs from start to start."""
    form, more, _ = NAIVE[name]
    protocol = name.partition("+")[2]
    gateway = protocol != "http"
    values = {
        "scheme": {"fastcgi": "fcgi"}.get(protocol, protocol),
        "path": MOUNT if protocol in ("http", "ajp", "uwsgi") else "",
        "module": {"http": "proxy", "uwsgi": "scgi"}.get(protocol, protocol),
        "local": ', "check-local" => "disable"' if gateway else "",
        "use": "use-fcgi-app shop" if gateway else "",
        "proto": "proto fcgi" if gateway else "",
        "app": HAPROXY_APP if gateway else "",
        "more": more,
        **{key: f"@{key}@" for key in ("own", "port", "name", "address", "host", "at")},
    }
    return form.format(**values)


def mended(text: str, query: list[str], change: str) -> str:
    """The configuration with the lines of one advice; what it says for Polydoor goes into the query."""
    for part in change.split("   and "):
        if for_us := re.fullmatch(r"-b '[^'?]*\?([^']+)' for Polydoor.*", part):
            query.append(for_us[1])
        elif part.startswith("take out "):
            words = re.split(r", | or | and ", part.removeprefix("take out "))
            text = re.sub(rf"^ *(?:{'|'.join(map(re.escape, words))})\b.*\n", "", text, flags=re.MULTILINE)
        elif part.startswith("ProxyPass ... "):
            text = re.sub(r"(?<=\n)( *ProxyPass .*)\n", rf"\1 {part.removeprefix('ProxyPass ... ')}\n", text)
        else:
            text = with_line(text, *re.fullmatch(r"(.*?)(?:   (.*))?", part).groups(""))
    return text


def with_line(text: str, line: str, where: str) -> str:
    """In place of a line with the same directive, or where the advice says."""
    line = line.replace("NAME", "shop")
    if line in text:
        return text
    if folder := re.fullmatch(r"in (<Location .*>)", where):
        line = f"{folder[1]}\n    {line}\n    </Location>"
    directive = line.split()[0]
    same = re.compile(rf"^( *){re.escape(directive)}\b.*$", re.MULTILINE)
    if directive not in SEVERAL and same.search(text):
        return same.sub(lambda found: found[1] + line, text, count=1)
    marker = f"# {where}" if f"# {where}\n" in text else "# lines"
    return text.replace(marker, f"{line}\n    {marker}", 1)


def tried(name: str, text: str, query: list[str], folder) -> list[dict[str, str]]:
    """What is not right behind this configuration."""
    front_end, _, protocol = name.partition("+")
    url = f"{protocol}://127.0.0.1:0?mount={MOUNT}" + "".join(f"&{one}" for one in dict.fromkeys(query))
    with Server(f"{APPS}/trivial.py:app", [url], options=["--diagnostics", TOKEN]) as server:
        host, at = server.doors[0].address
        port = free_port()
        values = {"own": OWN, "port": port, "name": SERVER_NAME, "address": f"{host}:{at}", "host": host, "at": at}
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        with KINDS[front_end](folder, [Site(protocol, port, text)]):
            command = [sys.executable, "-m", "polydoor", "frontend", "test", f"http://{SERVER_NAME}:{port}{MOUNT}/"]
            command += ["--connect", f"{OWN}:{port}", "--token", "env:DIAGNOSTICS", "--json", "--timeout", "3"]
            env = os.environ | {"DIAGNOSTICS": TOKEN}
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=120)
    told = json.loads(done.stdout)
    assert (told["front_end"], told["protocol"]) == (SOFTWARE.get(front_end, front_end), protocol)
    return [row for row in told["checks"] if row["outcome"] == "failed"]


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.frontend(*PROGRAMS[name])) for name in NAIVE])
def test_what_it_says_mends_the_configuration(name, tmp_path):
    text, query = configuration(name), []
    found = tried(name, text, query, tmp_path / "0")
    assert {row["check"] for row in found} == NAIVE[name][2]
    for number in range(1, ROUNDS + 1):
        for change in dict.fromkeys(row["change"] for row in found):
            text = mended(text, query, change)
        found = tried(name, text, query, tmp_path / str(number))
        if not found:
            break
    assert found == [], text

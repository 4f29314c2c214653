"""`polydoor frontend test` against front ends that do one thing wrong: each check finds it, and no other one does."""

import contextlib
import itertools
import re
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from peers.fakefront import FakeFront
from polydoor.cli import main
from polydoor.frontend.trial import advice, checks, http
from polydoor.frontend.trial.front import Front, NotFoundError
from polydoor.frontend.trial.http import Connection, NoAnswerError, Target
from polydoor.worker import diagnostics
from polydoor.worker.diagnostics import Diagnostics
from support.asking import Answerer

TOKEN = "a-token-for-the-tests"
SOURCES = Path(checks.__file__).parent


def app(_environ, start_response):
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


@pytest.fixture
def served():
    return Diagnostics(app, TOKEN, {"polydoor": "0", "listeners": ["fastcgi://127.0.0.1:9000"], "body_limit": 1 << 30})


def meet(fake, *, base="", name="", scheme="http", **how):
    front = Front(Target(f"{scheme}://127.0.0.1:{fake.port}{base}", **how), TOKEN, name=name)
    front.meet()
    return front


def verdicts(front):
    return list(checks.run(front))


def failed(front):
    return {row.check for row in verdicts(front) if row.outcome != checks.PASSED}


def test_a_front_end_that_does_all_right_passes_every_check(served):
    with FakeFront(served) as fake:
        found = verdicts(meet(fake))
    assert [(row.check, row.outcome, row.seen) for row in found] == [(name, "ok", "") for name in checks.CHECKS]


WRONG = {
    "path-changed": {"path and mount", "non-ASCII in a path"},
    "slashes-merged": {"double slashes"},
    "path-info": {"double slashes"},
    "escaped-slash": {"%2F in a path"},
    "query-changed": {"query"},
    "host": {"host"},
    "address": {"client address"},
    "scheme": {"scheme", "spoofed headers"},
    "cookies": {"cookies"},
    "repeated": {"repeated headers"},
    "authorization": {"Authorization"},
    "underscore": {"spoofed headers"},
    "proxy-header": {"spoofed headers"},
    "forged-address": {"spoofed headers"},
    "forged-scheme": {"spoofed headers"},
    "forged-port": {"spoofed headers"},
    "forged-user": {"spoofed headers"},
    "two-lengths": {"two lengths"},
    "large-request": {"large request headers"},
    "body-limit": {"early 413"},
    "early-answer": {"early 413"},
    "reset-refused": {"early 413"},
    "upload": {"upload", "100-continue upload", "early 413", "keep-alive"},
    "body-changed": {"upload", "chunked upload", "100-continue upload"},
    "chunked": {"chunked upload"},
    "expect": {"100-continue upload"},
    "expect-refused": {"100-continue upload"},
    "status": {"204", "304"},
    "stray-body": {"HEAD", "204", "304"},
    "redirect": {"redirect"},
    "large-response": {"large response headers"},
    "delayed": {"streaming without delay"},
    "break-with-length": {"truncation with a length"},
    "break-without-length": {"truncation without one"},
    "closed": {"keep-alive"},
    "closed-late": {"keep-alive"},
}
SILENT = {"expect", "upload"}  # which let a client wait for 100 Continue


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_is_found_and_nothing_else(fault, served, monkeypatch):
    is_collected = "streaming without delay" in WRONG[fault]  # a stream goes on by itself when nobody can ask for that
    monkeypatch.setattr(diagnostics, "PATIENCE_S", 0.05 if is_collected else 5.0)
    with FakeFront(served, fault) as fake:
        assert failed(meet(fake, patience=1.0 if fault in SILENT else 10.0)) == WRONG[fault]


def test_a_stream_that_is_held_back_is_given_up(served, monkeypatch):
    monkeypatch.setattr(diagnostics, "PATIENCE_S", 1.0)
    with FakeFront(served, "held") as fake:
        front = meet(fake, patience=0.2)
        (found,) = checks.CHECKS["streaming without delay"](front)
    assert (found.fault, found.seen) == ("delayed", "the first block comes only with the end of the response")


@pytest.mark.parametrize(("gone", "looks"), [(True, 2), (False, 100)], ids=["client gone", "nobody asks"])
def test_a_stream_goes_on_by_itself(gone, looks, served, monkeypatch):
    clock = itertools.count(0, 0.1)  # seconds; each pause may last 5
    asked = []
    monkeypatch.setattr(diagnostics, "PATIENCE_S", 5.0)
    monkeypatch.setattr(diagnostics, "GLANCE_S", 0.0)
    monkeypatch.setattr(diagnostics, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    environ = {
        "PATH_INFO": f"/.polydoor/{TOKEN}/stream",
        "QUERY_STRING": "key=k&wait_ms=60000",
        "polydoor.client_gone": lambda: asked.append(1) or gone,
    }
    assert len(list(served(environ, lambda *_: None))) == 3
    assert 0 < len(asked) <= looks


def test_with_one_thread_blocks_come_by_themselves(served):
    with FakeFront(served, "one-thread") as fake:
        assert list(checks.CHECKS["streaming without delay"](meet(fake))) == []


@pytest.mark.parametrize(
    ("fault", "base", "seen", "change"),
    [
        ("mount-cut", "/shop", "/shop is cut off", "fastcgi_param REQUEST_URI $request_uri;"),
        ("mount-unset", "/shop", "SCRIPT_NAME is empty, so links would not lead to /shop", "-b 'ADDRESS?mount=/shop'"),
        ("mount-wrong", "", "SCRIPT_NAME is '/wrong', so links", "-b ADDRESS without mount="),
    ],
)
def test_a_wrong_mount_is_found_with_what_to_change(fault, base, seen, change, served):
    with FakeFront(served, fault, server="nginx/1.22", mount=base) as fake:
        (found,) = [row for row in verdicts(meet(fake, base=base)) if row.outcome != checks.PASSED]
    assert found.check == "path and mount"
    assert found.seen.startswith(seen)
    assert found.change.startswith(change)


def test_a_mount_comes_through(served):
    with FakeFront(served, mount="/my%20shop") as fake:
        assert failed(meet(fake, base="/my%20shop/")) == set()


def test_a_front_end_may_escape_what_should_not_stand_in_a_path(served):
    with FakeFront(served, "escapes", mount="/x^y") as fake:  # as Caddy does
        assert failed(meet(fake, base="/x^y")) == set()


@pytest.mark.parametrize(
    ("server", "door", "fault", "because"),
    [
        ("lighttpd/1.4.69", ("fastcgi", "127.0.0.1"), "underscore", "lighttpd before 1.4.83"),
        ("lighttpd/1.4.69", ("scgi", ""), "break-without-length", "without a length only the reset"),
        ("lighttpd/1.4.69", ("cgi", ""), "break-without-length", "without a length the end of a CGI"),
        ("nginx/1.22.1", ("scgi", ""), "break-without-length", "without a length only the reset"),
        ("Apache/2.4.66", ("scgi", ""), "chunked", "over SCGI Apache takes no request without"),
        ("Caddy", ("fastcgi", "127.0.0.1"), "chunked", "over FastCGI Caddy"),
    ],
)
def test_known_limits_are_no_failures(server, door, fault, because, served):
    with FakeFront(served, fault, server=server, door=door) as fake:
        found = [row for row in verdicts(meet(fake)) if row.outcome != checks.PASSED]
    assert {row.outcome for row in found} == {checks.CANNOT}
    assert all(row.change.startswith(because) for row in found)


def test_what_is_no_limit_of_this_way_is_a_failure(served):
    with FakeFront(served, "break-without-length", server="nginx/1.22.1", door=("scgi", "127.0.0.1")) as fake:
        (found,) = [row for row in verdicts(meet(fake)) if row.outcome != checks.PASSED]
    assert found.outcome == checks.FAILED


def test_every_fault_has_a_line_to_change_for_every_front_end(served):
    texts = "".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.py") if path.name != "advice.py")
    raised = set(re.findall(r'"([a-z]+(?:-[a-z]+)+|[a-z]+)", f?"', texts)) | set(WRONG)
    assert set(advice.CHANGES) <= raised | {"mount-unset", "mount-wrong", "host", "mount-cut"}, (
        "faults that no check has"
    )
    with FakeFront(served) as fake:
        front = meet(fake, base="")
    for name in ("nginx", "apache", "mod_jk", "mod_fcgid", "lighttpd", "haproxy", "caddy", "none", ""):
        for protocol in ("http", "fastcgi", "scgi", "uwsgi", "ajp", "cgi", ""):
            front.name, front.first.facts["protocol"] = name, protocol
            for fault in advice.CHANGES:
                line = advice.change(front, fault)
                assert line
                assert "{p}" not in line


@pytest.mark.parametrize("row", advice.LIMITS, ids=lambda row: f"{row.front_end}-{row.fault}")
def test_every_limit_is_of_a_known_fault(row):
    assert row.fault in advice.CHANGES


SERVERS = {
    "nginx/1.22.1": "nginx",
    "Apache/2.4.66 (Debian)": "apache",
    "lighttpd/1.4.69": "lighttpd",
    "Caddy": "caddy",
    "polydoor/0.1.0": "none",
    "": "",
}


@pytest.mark.parametrize("server", SERVERS)
def test_the_front_end_is_told_by_its_own_field(server, served):
    with FakeFront(served, server=server) as fake:
        assert meet(fake).name == SERVERS[server]
        assert meet(fake, name="haproxy").name == "haproxy"


def test_haproxy_is_told_by_its_page(served):
    with FakeFront(served, "haproxy-page", server="") as fake:
        assert meet(fake).name == "haproxy"


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("404 Not Found", "--diagnostics and this token"),
        ("502 Bad Gateway", "does not reach Polydoor"),
        ("301 Moved Permanently", "redirects to"),
        ("401 Unauthorized", "without a password"),
        ("200 OK", "--diagnostics and this token"),
    ],
)
def test_who_else_answers_is_told_with_a_hint(status, hint):
    def other(_environ, start_response):
        start_response(status, [("Content-Length", "0")])
        return []

    with FakeFront(other, server="nginx/1.22.1") as fake, pytest.raises(NotFoundError) as caught:
        meet(fake)
    assert f"by nginx/1.22.1 with {status}" in str(caught.value)
    assert hint in str(caught.value)


@contextlib.contextmanager
def saying(said, again=b""):
    """A front that says something, and then, if told to, the same again and again for as long as anybody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            peer, _ = listener.accept()
            with peer, contextlib.suppress(OSError):
                peer.recv(65536)
                peer.sendall(said)
                while again:
                    peer.sendall(again)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", "'-5' where a chunk should begin"),
        (b"Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", "'0x5' where a chunk should begin"),
        (b"Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n", " where a chunk should begin"),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n\r\nhello", ""),
    ],
)
def test_odd_framing_is_no_whole_response(said, why):
    server = Answerer(b"HTTP/1.1 200 OK\r\n" + said, until=b"\r\n\r\n")
    with server, Connection(Target(f"http://{server.place}")) as connection:
        response = connection.ask("GET", "/")
    assert response.why == why


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/1.1 " + b"2" * 5000 + b" OK\r\n\r\n",
    ],
    ids=["nothing", "another protocol", "no number", "a long number"],
)
def test_what_speaks_no_http_is_no_answer(said):
    with saying(said) as url, pytest.raises(NoAnswerError):
        Front(Target(url), TOKEN).meet()


@pytest.mark.parametrize(
    ("said", "again"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 10000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0" * 65536),
    ],
    ids=["interim", "body", "trailer", "chunk size"],
)
def test_an_answer_without_an_end_is_left(said, again):
    with saying(said, again) as url, pytest.raises(NoAnswerError, match="no end of them"):
        Front(Target(url), TOKEN).meet()


def test_an_answer_that_drips_is_left(monkeypatch):
    passed = itertools.count(0, 10)
    monkeypatch.setattr(http, "time", SimpleNamespace(monotonic=lambda: next(passed)))
    with saying(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP") as url, pytest.raises(TimeoutError):
        Front(Target(url, patience=2), TOKEN).meet()


def test_an_answer_that_is_nested_too_deeply_is_somebody_elses():
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"[" * 200000
    with saying(said) as url, pytest.raises(NotFoundError):
        Front(Target(url), TOKEN).meet()


@pytest.mark.parametrize(
    "url",
    ["", "example.org", "ftp://a", "http://", "http://u:p@a", "http://a/?x", "http://a/#x", "http://a/b c", "http://ä"],
)
def test_a_bad_url_is_refused(url):
    with pytest.raises(ValueError, match="needs a URL"):
        Target(url)


@pytest.mark.parametrize("url", ["http://user:pw@127.0.0.1/", "http://:pw@127.0.0.1/"])
def test_a_password_in_a_url_is_refused_and_not_shown(url, monkeypatch, capsys):
    monkeypatch.setenv("DIAGNOSTICS", TOKEN)
    assert main(["frontend", "test", url, "--token", "env:DIAGNOSTICS"]) == 2
    err = capsys.readouterr().err
    assert "without user" in err
    assert "pw" not in err


@pytest.mark.parametrize("place", ["localhost", "127.0.0.1:http", "127.0.0.1:0", ":80"])
def test_connect_is_a_host_and_a_port(place, monkeypatch, capsys):
    monkeypatch.setenv("DIAGNOSTICS", TOKEN)
    assert main(["frontend", "test", "http://h/", "--token", "env:DIAGNOSTICS", "--connect", place]) == 2
    assert "--connect needs HOST:PORT, such as 127.0.0.1:8080" in capsys.readouterr().err


def test_a_target_connects_where_it_is_told():
    target = Target("https://shop.example:444/a/", connect="[::1]:8443")
    assert (target.host, target.base, target.place, target.name) == (
        "shop.example:444",
        "/a",
        ("::1", 8443),
        "shop.example",
    )


def test_https_is_checked_unless_told_not_to(served, tmp_path):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate")
    files = ["-keyout", tmp_path / "key", "-out", tmp_path / "cert"]
    request = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=shop.example", *files]
    subprocess.run(request, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with FakeFront(served, tls=context) as fake:
        with pytest.raises(ssl.SSLCertVerificationError):
            meet(fake, scheme="https")
        assert failed(meet(fake, scheme="https", insecure=True)) == set()


def test_the_application_behind_the_diagnostics_is_as_it_was(served):
    with FakeFront(served) as fake, meet(fake).connect() as connection:
        for path in ("/", "/.polydoor/", "/.polydoor/another-token-of-somebody/echo", f"/.polydoor/{TOKEN}x/echo"):
            assert connection.ask("GET", path).body == b"hello"
        assert connection.ask("GET", f"/.polydoor/{TOKEN}").status == 404
        assert connection.ask("GET", f"/.polydoor/{TOKEN}/nothing").status == 404


def test_the_token_is_in_no_verdict(served):
    with FakeFront(served, *WRONG.keys() - SILENT) as fake:
        front = meet(fake, patience=0.5)
        text = "".join(row.seen + row.change for row in verdicts(front))
    assert TOKEN not in text

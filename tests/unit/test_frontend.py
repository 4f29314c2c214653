"""`polydoor frontend`: which listener, which words, and what is refused."""

import subprocess
import sys

import pytest

from polydoor.cli import main
from polydoor.frontend.catalog import FRONT_ENDS, NAMES, TITLES
from polydoor.frontend.facts import shell_word, with_option
from polydoor.settings.listener import PROTOCOLS

ONLY_TCP = {front_end.name for front_end in FRONT_ENDS if front_end.only_tcp}
EVERY = [(front_end.name, protocol) for front_end in FRONT_ENDS for protocol in front_end.speaks]


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "WEB_CONCURRENCY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def told(capsys):
    def ask(*words):
        status = main(["frontend", *words])
        return status, *capsys.readouterr()

    return ask


@pytest.fixture
def printed(told):
    def ask(*words):
        status, out, err = told(*words)
        assert (status, err) == (0, "")
        return out

    return ask


def test_every_protocol_has_a_name():
    assert {*TITLES, "auto"} == set(PROTOCOLS)


@pytest.mark.parametrize(("name", "protocol"), EVERY)
@pytest.mark.parametrize("address", ["://127.0.0.1:9000", "+unix:/run/shop.sock"], ids=["tcp", "unix"])
@pytest.mark.parametrize("options", [[], ["--idle-timeout", "0"], ["--static", "/static/=static"]])
def test_every_template_is_filled(name, protocol, address, options, printed, tmp_path):
    address = "://127.0.0.1:9000" if name in ONLY_TCP else address
    text = printed(name, "shop:app", "-b", f"{protocol}{address}?mount=/shop", *options)
    assert "{{" not in text
    assert not [line for line in text.split("\n") if line != line.rstrip() or line.lstrip().startswith("%")]
    assert max(len(line) for line in text.replace("\t", "    ").split("\n")) <= 140
    place = "/run/shop.sock" if "unix" in address else "127.0.0.1:9000"
    assert f"over {TITLES[protocol]} at {place}." in text
    if options[:1] == ["--static"]:
        assert f"{tmp_path}/static/" in text


@pytest.mark.parametrize("name", [front_end.name for front_end in FRONT_ENDS if front_end.program])
@pytest.mark.parametrize("mount", ["", "?mount=/shop"])
def test_a_program_is_printed_with_its_place(name, mount, printed, tmp_path):
    text = printed(name, "shop:app", "-b", f"http://127.0.0.1:8000{mount}", "--static", "/static/=static")
    assert "{{" not in text
    assert f"#   #!/bin/sh\n#   cd {tmp_path} || exit\n#   exec " in text
    program = next(line for line in text.split("\n") if line.startswith("#   exec "))
    assert program.endswith(" shop:app")
    assert ("/shop" in program) is bool(mount)
    assert "# Save this program as /usr/lib/cgi-bin/shop." in text
    assert "/srv/shop.run" in printed(name, "--script", "/srv/shop.run")


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("nginx", "FastCGI"), ("apache", "FastCGI"), ("lighttpd", "FastCGI"), ("haproxy", "HTTP"), ("caddy", "HTTP")],
)
def test_of_several_listeners_it_takes_the_one_that_suits_best(name, protocol, printed):
    several = ("-b", "scgi://127.0.0.1:1", "-b", "http://127.0.0.1:2", "-b", "fastcgi://127.0.0.1:3")
    assert f"over {protocol} at" in printed(name, "shop:app", *several)
    assert "over FastCGI at" in printed(name, "shop:app", *several, "--protocol", "fastcgi")


def test_what_polydoor_itself_is_to_be_started_with(printed):
    line = "#   polydoor shop:app -b http://127.0.0.1:8000 -b 'fastcgi://127.0.0.1:9000?mount=/a&profile=apache'\n"
    more = ("-b", "http://127.0.0.1:8000", "-b", "fastcgi://127.0.0.1:9000?profile=nginx&mount=/a")
    assert line in printed("apache", "shop:app", *more)


@pytest.mark.parametrize(
    ("name", "value", "lines"),
    [
        ("nginx", "/sent/=/srv/media", ["    location /sent/ {\n        internal;\n        alias /srv/media/;\n"]),
        ("apache", "/srv/media", ["        XSendFile On\n", '    XSendFilePath "/srv/media"\n']),
        ("mod_jk", "/srv/media/", ["        XSendFile On\n", '    XSendFilePath "/srv/media"\n']),
        ("lighttpd", "/srv/media", ['    "x-sendfile" => "enable",\n', '        "/srv/media/",\n']),
        ("caddy", "/sent=/srv/media", ["header X-Accel-Redirect /sent/*\n", "\troot /srv/media\n"]),
    ],
)
def test_files_that_the_front_end_sends(name, value, lines, printed):
    front_end = next(front_end for front_end in FRONT_ENDS if front_end.name == name)
    for protocol in front_end.speaks:
        text = printed(name, "shop:app", "-b", f"{protocol}://127.0.0.1:9000?sendfile={value}")
        assert [line for line in lines if line not in text] == []
        assert "{{" not in text
        assert not [line for line in text.split("\n") if line != line.rstrip() or line.lstrip().startswith("%")]
        assert f"profile={front_end.profile}" in text.partition("\n\n")[0]
        text = printed(name, "shop:app", "-b", f"{protocol}://127.0.0.1:9000?sendfile=app")
        assert not [line for line in lines if line in text]


@pytest.mark.parametrize(("name", "title"), [("nginx", "nginx"), ("lighttpd", "lighttpd"), ("haproxy", "HAProxy")])
def test_a_name_that_is_looked_up_when_the_configuration_is_read_is_told(name, title, printed):
    line = f"\n# {title} looks app.example up when it reads this,"
    assert line in printed(name, "shop:app", "--connect", "app.example:8000")
    assert f"# {title} looks" not in printed(name, "shop:app", "--connect", "192.0.2.1:8000")
    assert f"# {title} looks" not in printed(name, "shop:app", "--connect", "[fd00::1]:8000")


STAMPS = {
    "nginx": {"http": 'proxy_set_header X-Request-Start "t=${msec}";', "": '_param HTTP_X_REQUEST_START "t=${msec}";'},
    "apache": {"": 'RequestHeader set X-Request-Start "%t"'},
    "mod_jk": {"": 'RequestHeader set X-Request-Start "%t"'},
    "haproxy": {"": "http-request set-header X-Request-Start t=%[date(0,us)]"},
    "caddy": {"": "header_up X-Request-Start t={time.now.unix_ms}"},
    "lighttpd": {"": '"X-Request-Start" => "" )'},  # which has no such clock
}


@pytest.mark.parametrize(("name", "protocol"), EVERY)
def test_the_time_at_the_front_end_is_told_where_the_listener_believes_it(name, protocol, printed):
    line = STAMPS[name].get(protocol, STAMPS[name].get(""))
    text = printed(name, "shop:app", "-b", f"{protocol}://127.0.0.1:9000?forwarded=for,start")
    assert line in text
    assert (",start" in text.partition("\n\n")[0]) is True
    text = printed(name, "shop:app", "-b", f"{protocol}://127.0.0.1:9000")
    assert (line in text) is ((name, protocol) == ("lighttpd", "http"))
    assert protocol != "http" or "X-Request-Start" in text  # a client's own does not reach the application


def test_a_dot_at_the_end_of_a_name_is_left_out(printed):
    assert "\nexample.com {\n" in printed("caddy", "shop:app", "--server-name", "example.com.")


def test_limits_and_times_are_those_of_the_settings(printed):
    options = ("--body-limit", "100M", "--queue-timeout", "10", "--idle-timeout", "20")
    text = printed("nginx", "shop:app", *options)
    assert "client_max_body_size 100m;" in text
    assert "proxy_read_timeout 70s;" in text
    assert "keepalive_timeout 16s;" in text
    assert "keepalive" not in printed("nginx", "shop:app", "--idle-timeout", "0")


@pytest.mark.parametrize(("name", "word"), [("apache", " secret=${SHOP}"), ("mod_jk", ".secret=${SHOP}")])
def test_a_secret_is_named_and_never_read(name, word, printed, monkeypatch):
    monkeypatch.setenv("SHOP", "not-to-be-seen")
    text = printed(name, "shop:app", "-b", "ajp://127.0.0.1:8009?secret=env:SHOP")
    assert word in text
    assert "-b 'ajp://127.0.0.1:8009?secret=env:SHOP&profile=apache&packet=65536'" in text
    assert "not-to-be-seen" not in text
    assert word.replace("SHOP", "AJP_SECRET") in printed(name, "-b", "ajp://127.0.0.1:8009?secret=file:/etc/shop")
    assert "packet=65536" not in printed(name, "-b", "ajp://127.0.0.1:8009?packet=9000")


def test_settings_come_from_the_file(printed, tmp_path):
    (tmp_path / "polydoor.toml").write_text('app = "stock:app"\nbind = "scgi://127.0.0.1:4000"\n', encoding="utf-8")
    text = printed("nginx")
    assert text.startswith("# stock:app behind nginx, over SCGI at 127.0.0.1:4000.")
    assert "upstream stock {" in text


def test_who_listens_everywhere_is_reached_on_loopback(printed):
    assert "server 127.0.0.1:8000;" in printed("nginx", "shop:app", "-b", ":8000")
    assert "server [::1]:8000;" in printed("nginx", "shop:app", "-b", "[::]:8000")
    assert "server 10.0.0.1:80;" in printed("nginx", "shop:app", "-b", ":8000", "--connect", "10.0.0.1:80")


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("nginx", "FastCGI"), ("apache", "FastCGI"), ("lighttpd", "FastCGI"), ("haproxy", "HTTP"), ("caddy", "HTTP")],
)
def test_with_a_listener_for_every_protocol_it_speaks_what_suits_best(name, protocol, printed):
    assert f"over {protocol} at 127.0.0.1:1." in printed(name, "-b", "auto://127.0.0.1:1")
    # A listener of its own comes first, and AJP13 needs a secret there.
    assert "over SCGI at 127.0.0.1:2." in printed(
        "apache", "--protocol", "scgi", "-b", "auto://127.0.0.1:1", "-b", "scgi://127.0.0.1:2"
    )
    # To clients that a PROXY header names it speaks HTTP alone.
    assert "over HTTP at 127.0.0.1:1." in printed("haproxy", "-b", "auto://127.0.0.1:1?proxy-protocol=on")
    text = printed("mod_jk", "-b", "auto://127.0.0.1:1?secret=env:A")
    assert "over AJP13 at 127.0.0.1:1." in text
    assert "'auto://127.0.0.1:1?secret=env:A&profile=apache&packet=65536'" in text


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("nginx", "        proxy_protocol on;"),
        ("haproxy", "    server polydoor 127.0.0.1:1 send-proxy-v2"),
        ("caddy", "\t\t\t\tproxy_protocol v2"),
    ],
)
def test_a_proxy_header_is_sent_where_the_listener_asks_for_one(name, line, printed):
    text = printed(name, "shop:app", "-b", "http://127.0.0.1:1?proxy-protocol=on", "--static", "/static/=static")
    assert line in text.split("\n")
    assert "#   polydoor shop:app -b 'http://127.0.0.1:1?proxy-protocol=on'" in text  # nothing is added
    assert line not in printed(name, "shop:app", "-b", "http://127.0.0.1:1").split("\n")


def test_a_listener_without_a_proxy_header_is_taken_before_one_with_it(printed):
    several = ("-b", "fastcgi://127.0.0.1:1?proxy-protocol=on", "-b", "http://127.0.0.1:2")
    assert "over HTTP at 127.0.0.1:2." in printed("apache", *several)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], "PD0060", "which front end?"),
        (["ngnix"], "PD0060", "Did you mean nginx?"),
        (["httpd"], "PD0060", "Did you mean apache?"),
        (["haproxy", "-b", "scgi://127.0.0.1:4000"], "PD0061", "it speaks HTTP and FastCGI"),
        (["caddy", "--protocol", "scgi"], "PD0061", "Caddy does not speak SCGI"),
        (["nginx", "--protocol", "scgi"], "PD0061", "no listener speaks SCGI"),
        (["mod_jk", "-b", "auto://127.0.0.1:9000"], "PD0061", "Add a listener for it, such as -b ajp://"),
        (["apache", "-b", "http://127.0.0.1:1?proxy-protocol=on"], "PD0061", "Apache sends no PROXY header"),
        (["nginx", "-b", "http://h:1?proxy-protocol=on&sendfile=/m/=/m"], "PD0061", "nginx sends no files by itself"),
        (["nginx", "-b", "scgi://h:1?proxy-protocol=on"], "PD0061", "only before HTTP, and not before SCGI"),
        (["lighttpd", "--protocol", "http", "-b", "auto://h:1?proxy-protocol=on"], "PD0061", "sends no PROXY header"),
        (["mod_jk", "-b", "ajp+unix:/run/shop"], "PD0061", "reaches no Unix sockets"),
        (["nginx", "-b", "127.0.0.1:1?sendfile=/srv/a"], "PD0061", "Write it as sendfile=/media/=/srv/media"),
        (["mod_jk", "-b", "ajp://h:1?sendfile=/m/=/srv/a"], "PD0061", "Write it as sendfile=/srv/media"),
        (["haproxy", "-b", "127.0.0.1:1?sendfile=/srv/a"], "PD0061", "HAProxy sends no files by itself"),
        (["caddy", "-b", "127.0.0.1:1?sendfile=/m/=/srv/a%20b"], "PD0063", "the folder"),
        (["nginx", "-b", "fd://3"], "PD0062", "Say it with --connect"),
        (["nginx", "-b", "127.0.0.1:0"], "PD0062", "Say it with --connect"),
        (["systemd", "-b", "fd://3"], "PD0062", "systemd is to open them"),
        (["nginx", "-b", "http://127.0.0.1:1?mount=/a%20b"], "PD0063", "the mount"),
        (["nginx", "-b", "http://127.0.0.1:1?mount=/caf%C3%A9"], "PD0063", "the mount '/café' cannot be written"),
        (["mod_cgi", "-b", "http://127.0.0.1:1?mount=/a[b]"], "PD0063", "the mount"),
        (["nginx", "shop\nreturn 500;"], "PD0063", "it holds a control character"),
        (["apache", "-b", "ajp://h:1?secret=file:/x\nListen 1"], "PD0063", "it holds a control character"),
        (["systemd", "-b", "unix:/run/x\nExecStartPre=y"], "PD0063", "it holds a control character"),
        (["nginx", "--server-name", "a;b"], "PD0063", "the server name"),
        (["nginx", "--name", "a b"], "PD0063", "the name"),
        (["lighttpd", "--name", "a/b"], "PD0063", "Use letters, digits and . _ - only."),
        (["haproxy", "--name", "-a"], "PD0063", "the name"),
        (["nginx", "--static", "/static/=a{b"], "PD0063", "the folder"),
        (["nginx", "--static", "static"], "PD0005", "--static needs a path and a folder"),
        (["nginx", "--listen", "here"], "PD0005", "--listen needs a port"),
        (["nginx", "--connect", "fd://3"], "PD0005", "--connect needs HOST:PORT"),
        (["nginx", "a:b", "c:d"], "PD0004", "but there are two"),
    ],
)
def test_refusals_say_what_to_do(words, code, said, told):
    status, out, err = told(*words)
    assert (status, out) == (2, "")
    assert err.startswith(f"polydoor: {code}: ")
    assert said in err


def test_units_of_systemd(printed):
    text = printed("systemd", "shop:app", "-b", "unix:/run/shop.sock?mode=0600", "-b", "fastcgi://127.0.0.1:9?mount=/a")
    assert "-m polydoor shop:app -b fd://http -b 'fd://fastcgi?mount=/a'\n" in text or (
        "/polydoor shop:app -b fd://http -b 'fd://fastcgi?mount=/a'\n" in text
    )
    assert "ListenStream=/run/shop.sock\nFileDescriptorName=http\n" in text
    assert "SocketMode=0600\n" in text
    assert "ListenStream=127.0.0.1:9\nFileDescriptorName=fastcgi\n" in text


def test_what_units_would_read_otherwise_is_written_for_them(printed, tmp_path, monkeypatch):
    folder = tmp_path / "a %n"
    folder.mkdir()
    monkeypatch.chdir(folder)
    text = printed("systemd", "${HOME}\\it's.py", "-b", "unix:/run/%h.sock")
    assert "\nDescription=${HOME}\\it's.py, served by Polydoor\n" in text
    assert " '$${HOME}\\\\it\\'s.py' -b fd://http\n" in text
    assert f"\nWorkingDirectory={tmp_path}/a %%n\n" in text
    assert "\nListenStream=/run/%%h.sock\n" in text


def test_a_mount_is_no_pattern(printed):
    assert '"^/v1\\.0(/|$)" {' in printed("lighttpd_cgi", "shop:app", "-b", "http://127.0.0.1:1?mount=/v1.0")


@pytest.mark.parametrize(
    ("name", "repeated"),
    [
        ("nginx", "--threads=8 '--access-log=json:$b %c' --body-limit=5MiB --idle-timeout=1.5s"),
        ("systemd", "--threads=8 '--access-log=json:$$b %%c' --body-limit=5MiB --idle-timeout=1.5s"),
        ("mod_cgi", "'--access-log=json:$b %c' --body-limit=5MiB --idle-timeout=1.5s shop:app"),
        ("mod_fcgid", "'--access-log=json:$b %c' --body-limit=5MiB --idle-timeout=1.5s shop:app"),
    ],
)
def test_what_is_started_has_the_options_that_the_configuration_was_made_of(name, repeated, printed, monkeypatch):
    monkeypatch.setenv("POLYDOOR_THREADS", "8")
    options = ["--body-limit", "5M", "--idle-timeout", "1500ms", "--access-log", "json:$b %c"]
    secrets = ["-e", "A=secret", "--wsgi-environ", "B=secret", "--diagnostics", "a-secret-for-the-tests"]
    text = printed(name, "shop:app", *options, *secrets)
    assert f" {repeated}\n" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (["-w", "2"], "/bin/kill -HUP $MAINPID"),
        (["--reload"], "/bin/kill -HUP $MAINPID"),
        (["--control", "/run/shop/control"], "polydoor reload --control /run/shop/control"),
        (["-w", "1", "--control", "a %n"], "polydoor reload --control '{here}/a %%n'"),
    ],
)
def test_a_unit_with_workers_can_be_reloaded(options, asked, printed, tmp_path):
    lines = printed("systemd", "shop:app", *options).split("\n")
    assert "Type=notify" in lines  # Type=notify-reload is not known before systemd 253
    assert "KillMode=mixed" in lines
    (line,) = (line for line in lines if line.startswith("ExecReload="))
    assert line.endswith(asked.format(here=tmp_path))
    assert ("RuntimeDirectory=shop" in lines) == ("/run/shop" in asked)


def test_a_unit_of_one_process_offers_no_reload(printed):
    text = printed("systemd", "shop:app")
    assert "ExecReload" not in text
    assert "KillMode" not in text


def test_one_socket_of_systemd_is_named_as_the_service(printed):
    assert "# /etc/systemd/system/shop.socket\n" in printed("systemd", "shop:app")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_the_engine_is_loaded(name):
    code = (
        "import sys; from polydoor.cli import main; main(['frontend', sys.argv[1], 'shop:app'])\n"
        "assert 'polydoor.bridge' not in sys.modules and 'polydoor.worker' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, name], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(("word", "typed"), [("a:b", "a:b"), ("", "''"), ("a b", "'a b'"), ("a'b", "'a'\"'\"'b'")])
def test_words_for_a_shell(word, typed):
    assert shell_word(word) == typed


def test_an_option_of_an_address_is_replaced():
    assert with_option("a://b?c=1&profile=nginx", "profile", "caddy") == "a://b?c=1&profile=caddy"
    assert with_option("a://b", "profile", "caddy") == "a://b?profile=caddy"

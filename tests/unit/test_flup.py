"""flup's interface: names, defaults, and what they mean here."""

import inspect
import sys

import pytest

from polydoor.errors import BindError
from polydoor.flup import fcgi, scgi
from polydoor.flup.base import address_url, thread_count
from polydoor.settings.listener import parse_listener


def app(environ, start_response):
    return [environ]


# The positional arguments of flup 1.0.3 with their defaults, in its order.
FCGI = {
    "environ": None,
    "multithreaded": True,
    "multiprocess": False,
    "bindAddress": None,
    "umask": None,
    "multiplexed": False,
    "debug": False,
    "roles": (1,),
    "forceCGI": False,
}
SCGI = {
    "environ": None,
    "multithreaded": True,
    "multiprocess": False,
    "bindAddress": ("localhost", 4000),
    "umask": None,
    "allowedServers": None,
    "loggingLevel": 20,
    "debug": False,
}
POOL = {"minSpare": 1, "maxSpare": 5, "maxThreads": sys.maxsize}


@pytest.mark.parametrize(
    ("server", "positional"),
    [
        (fcgi.WSGIServer, {"application": None} | FCGI),
        (scgi.WSGIServer, {"application": None, "scriptName": ""} | SCGI),
    ],
)
def test_names_order_and_defaults_are_those_of_flup(server, positional):
    parameters = [row for row in inspect.signature(server).parameters.values() if row.kind != row.KEYWORD_ONLY]
    assert [row.name for row in parameters] == list(positional)
    assert {row.name: row.default for row in parameters[1:]} == {
        name: value for name, value in positional.items() if name != "application"
    }
    keywords = inspect.signature(server).parameters
    assert {name: keywords[name].default for name in POOL} == POOL


@pytest.mark.parametrize("server", [fcgi.WSGIServer, scgi.WSGIServer])
def test_an_unknown_argument_is_a_type_error(server):
    with pytest.raises(TypeError, match="bindAdress"):
        server(app, bindAdress="/x")


@pytest.mark.parametrize("server", [fcgi.WSGIServer, scgi.WSGIServer])
def test_an_address_open_to_the_network_names_flup_s_argument(server):
    with pytest.raises(BindError, match="Name the web server in allowedServers, or listen on") as raised:
        server(app, bindAddress=("", 0)).run()
    assert raised.value.code == "PD0207"
    assert "?allow" not in str(raised.value)


@pytest.mark.parametrize(
    ("server", "arguments", "named"),
    [
        (fcgi.WSGIServer, {"debug": True}, "debug"),
        (fcgi.WSGIServer, {"multiplexed": True, "minSpare": 4, "roles": (1, 2)}, "roles, minSpare"),
        (scgi.WSGIServer, {"loggingLevel": 10, "multiprocess": True}, "multiprocess, loggingLevel"),
    ],
)
def test_what_has_no_effect_is_named_in_one_warning(server, arguments, named):
    with pytest.warns(UserWarning, match=f"^polydoor.flup: without effect here: {named}$") as warned:
        server(app, **arguments)
    assert [warning.filename for warning in warned] == [__file__]


@pytest.mark.parametrize(
    ("address", "umask", "allowed", "mount", "url"),
    [
        ("/run/s.sock", None, (), "", "scgi+unix:/run/s.sock"),
        ("/run/s.sock", 0o007, (), "", "scgi+unix:/run/s.sock?mode=0770"),
        (("127.0.0.1", 4000), 0o007, (), "", "scgi://127.0.0.1:4000"),
        (("", 4000), None, ["10.0.0.1", "10.0.0.2"], "", "scgi://:4000?allow=10.0.0.1&allow=10.0.0.2"),
        (("::1", 4000), None, (), "/", "scgi://[::1]:4000"),
        (None, None, (), "", "fd://0?protocol=scgi"),
        (None, None, ["10.0.0.1"], "/shöp & more", "fd://0?allow=10.0.0.1&mount=/sh%C3%B6p%20%26%20more&protocol=scgi"),
    ],
)
def test_arguments_become_an_address(address, umask, allowed, mount, url):
    assert address_url("scgi", address, umask, allowed, mount) == url
    listener = parse_listener(url)
    assert listener["protocol"] == "scgi"
    assert listener["allow"] == [f"{host}/32" for host in allowed]
    assert listener["mount"] == mount.rstrip("/").encode().decode("latin-1")


@pytest.mark.parametrize(
    ("multithreaded", "max_spare", "max_threads", "threads"),
    [(True, 5, sys.maxsize, 5), (True, 5, 20, 20), (True, 5, 2, 2), (True, 5, 100_000, 512), (False, 5, 20, 1)],
)
def test_threads(multithreaded, max_spare, max_threads, threads):
    assert thread_count(multithreaded=multithreaded, max_spare=max_spare, max_threads=max_threads) == threads


@pytest.mark.parametrize("address", [5, ("localhost",), ("localhost", None), (4000, "localhost"), b"/run/shop.sock"])
@pytest.mark.parametrize("server", [fcgi.WSGIServer, scgi.WSGIServer])
def test_an_address_that_is_none_is_a_type_error(server, address):
    with pytest.raises(TypeError, match=r"^bindAddress must be a path, \(host, port\) or None, not "):
        server(app, bindAddress=address)


@pytest.mark.parametrize("address", ["/run/shop.sock", ("localhost", 4000)])
@pytest.mark.parametrize("server", [fcgi.WSGIServer, scgi.WSGIServer])
def test_a_umask_that_is_no_number_is_a_type_error(server, address):
    with pytest.raises(TypeError, match=r"^umask must be a number such as 0o007 or None, not 'x'$"):
        server(app, bindAddress=address, umask="x")

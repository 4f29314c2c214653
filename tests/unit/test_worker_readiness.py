"""Which answers of the application count as ready."""

import threading
from wsgiref.validate import validator

import pytest

from polydoor.errors import BootError, ConfigError
from polydoor.settings.load import from_keywords
from polydoor.worker.apploader import LoadedApp
from polydoor.worker.readiness import try_out


def answering(status, seen=None, *, body=(b"x",)):
    def app(environ, start_response):
        if seen is not None:
            seen.update(environ)
        start_response(status, [("Content-Type", "text/plain")])
        return list(body)

    return app


def tried(app, ready="/health", **settings):
    return try_out(LoadedApp(app, "shop:app"), from_keywords(ready=ready, **settings))


@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "302 Found", "399 Odd"])
def test_what_is_below_400_is_ready(status):
    app = answering(status)
    assert tried(app).app is app


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "503 Service Unavailable", "", "OK"])
def test_everything_else_is_not(status):
    with pytest.raises(BootError, match=f"shop:app is not ready: GET /health was answered {status or 'without'}"):
        tried(answering(status))


def test_an_exception_is_told_with_its_traceback_also_behind_the_head():
    def app(environ, start_response):
        start_response("200 OK", [])
        yield b"begun"
        raise RuntimeError("no database")

    with pytest.raises(BootError, match=r"GET /health raised an exception\n(.|\n)*RuntimeError: no database"):
        tried(app)


def test_patience_ends_with_the_boot_timeout():
    over = threading.Event()

    def app(environ, start_response):
        over.wait()
        return []

    with pytest.raises(BootError, match="was not answered within 0.1 s"):
        tried(app, boot_timeout=0.1)
    over.set()


def test_the_environ_is_a_whole_one_and_has_the_host_of_the_setting():
    seen = {}
    assert tried(validator(answering("200 OK", seen)), "//shop.example:8080/a/b?c=d", wsgi_environ=["SHOP=Corner"])
    wanted = {"HTTP_HOST": "shop.example:8080", "PATH_INFO": "/a/b", "QUERY_STRING": "c=d", "SHOP": "Corner"}
    assert {name: seen[name] for name in wanted} == wanted
    assert seen["SERVER_NAME"] == "shop.example"
    assert seen["SERVER_PORT"] == "8080"


@pytest.mark.parametrize("path", ["health", "//shop.example", "///x", "/a b", "/%41", "/a#b", "/\xe9", ""])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(ConfigError, match="ready needs"):
        from_keywords(ready=path)

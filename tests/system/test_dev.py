"""`--dev`: an error of the application is answered with its traceback, on the developer's own machine alone."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from support.fixtures import PROTOCOLS
from support.server import APPS, Server, one_each

BROWSER = [("Accept", "text/html,*/*;q=0.8"), ("Cookie", "session=swordfish"), ("Authorization", "Basic swordfish")]
THREADS = 2
BROWSER += [("X-Api-Token", "swordfish"), ("X-Note", "<i>note</i>")]


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dev")
    urls = one_each(folder)
    with Server(f"{APPS}/failing.py", urls, threads=THREADS, options=["--dev"]) as opened:
        yield opened


class Page(HTMLParser):
    """The text of a page, and that nothing stands in it that does something."""

    def __init__(self, body):
        super().__init__()
        self.text = ""
        self.folded = 0
        self.feed(body.decode())
        self.close()

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "i", "b", "form", "input", "a", "img", "link", "iframe", "first")
        assert not {name for name, _ in attrs} - {"lang", "charset"}
        self.folded += tag == "details"

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_browser_gets_the_traceback_as_html(dev, protocol):
    response = dev.door(protocol).request("GET", "/hostile?a=%3Cb%3E", BROWSER)
    assert response.status == 500
    assert response.complete
    assert response.header("Content-Type") == "text/html; charset=utf-8"
    assert response.header("Cache-Control") == "no-store"
    text = Page(response.body).text
    assert "ValueError: <script>alert('x')</script>&\"\\ud800" in text
    assert "GET /hostile?a=%3Cb%3E HTTP/1.1" in text
    assert "raise ValueError(HOSTILE)" in text
    assert "<i>note</i>" in text
    assert "in application" in text
    assert ".pxi" not in text  # our own frames
    assert "whose repr() raises RuntimeError" in text
    assert b"<mark>" in response.body


@pytest.mark.parametrize("headers", [BROWSER, BROWSER[1:]], ids=["html", "text"])
def test_secrets_are_masked(dev, headers):
    body = dev.door("http").request("GET", "/hostile", headers).body
    assert b"swordfish" not in body
    assert body.count(b"(hidden)") >= 4


def test_program_gets_text_with_the_request_id(dev):
    response = dev.door("http").request("GET", "/chain")
    assert response.header("Content-Type") == "text/plain; charset=utf-8"
    text = response.body.decode()
    assert "LookupError: second" in text
    assert "caused by" in text
    assert ".pxi" not in text
    ident = text.split("\nRequest ")[1][:16]
    dev.log.wait_for(f"id {ident}")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json, text/html;q=0.5", "plain"),
        ("text/html;q=0, */*", "plain"),
        ("text/plain;q=0.5, TEXT/HTML", "html"),
        ("text/plain;q=0, */*", "html"),
    ],
)
def test_weights_of_accept_count_as_on_the_other_pages(dev, accept, kind):
    response = dev.door("http").request("GET", "/chain", [("Accept", accept)])
    assert response.header("Content-Type") == f"text/{kind}; charset=utf-8"


def test_frames_of_libraries_are_folded(dev):
    response = dev.door("http").request("GET", "/library", BROWSER)
    assert Page(response.body).folded >= 2


def test_error_without_a_text_is_survived(dev):
    response = dev.door("http").request("GET", "/silent", BROWSER)
    assert response.status == 500
    assert "SilentError" in Page(response.body).text


@pytest.mark.parametrize("headers", [BROWSER, []], ids=["html", "text"])
def test_value_whose_representation_would_end_the_process(dev, headers):
    body = dev.door("http").request("GET", "/leaving", headers).body
    assert b"whose repr() raises SystemExit" in body.replace(b"&lt;", b"<")


@pytest.mark.parametrize("headers", [BROWSER, []], ids=["html", "text"])
def test_page_that_fails_itself_costs_no_thread(dev, headers):
    for _ in range(THREADS + 1):
        response = dev.door("http").request("GET", "/no-page", headers)
        assert (response.status, response.complete) == (500, True)
        assert b"Traceback" not in response.body
    dev.log.wait_for("PD0401: error in the page of an error, id ")


def test_head_has_no_body(dev):
    response = dev.door("http").request("HEAD", "/hostile", BROWSER)
    assert (response.status, response.body) == (500, b"")


def test_started_response_is_replaced_and_one_that_went_out_is_broken(dev):
    assert "ValueError" in Page(dev.door("http").request("GET", "/started", BROWSER).body).text
    response = dev.door("http").request("GET", "/late", BROWSER)
    assert (response.status, response.complete, response.body) == (200, False, b"some")
    assert dev.door("http").request("GET", "/").body == b"all right"


def test_nothing_of_it_without_dev():
    with Server(f"{APPS}/failing.py") as plain:
        for path in ("/hostile", "/started", "/chain"):
            response = plain.doors[0].request("GET", path, BROWSER)
            assert response.status == 500
            assert len(response.body) < 1024
            for word in (b"Traceback", b"Error:", b"failing.py", b"alert", b"HTTP_", b"--dev"):
                assert word not in response.body

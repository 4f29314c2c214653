"""The example application, called as a server would call it."""

import io
import threading
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import guestbook
import pytest
from multipart import parse_multipart

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def _own_book(tmp_path, monkeypatch):
    monkeypatch.setenv("GUESTBOOK_DB", str(tmp_path / "book.db"))


def call(path="/", method="GET", body=b"", content_type="", script_name="", check=True):
    environ = {"PATH_INFO": path, "SCRIPT_NAME": script_name, "REQUEST_METHOD": method, "QUERY_STRING": ""}
    setup_testing_defaults(environ)
    environ["wsgi.input"] = io.BytesIO(body)
    if body:
        environ |= {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": content_type}
    seen = []
    app = validator(guestbook.app) if check else guestbook.app
    blocks = app(
        environ, lambda status, headers, exc_info=None: seen.append((status, dict(headers))) or (lambda _: None)
    )
    try:
        data = b"".join(blocks)
    finally:
        if hasattr(blocks, "close"):
            blocks.close()
    return (*seen[0], data)


def upload(name, data):
    head = (
        f'--xyz\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'
    )
    body = head.encode() + data + b"\r\n--xyz--\r\n"
    return call("/files", "POST", body, "multipart/form-data; boundary=xyz")


def test_entry_is_listed_and_escaped():
    status, headers, _ = call("/", "POST", b"name=Ada&text=%3Cb%3E+%26+more", FORM)
    assert (status, headers["Location"]) == ("303 See Other", "/")
    _, _, page = call("/")
    assert b"Ada" in page
    assert b"&lt;b&gt; &amp; more" in page
    assert b"<b> & more" not in page


def test_links_stay_below_the_mount():
    _, _, page = call("/", script_name="/shop")
    assert b'action="/shop/"' in page
    _, headers, _ = call("/", "POST", b"name=a&text=b", FORM, script_name="/shop")
    assert headers["Location"] == "/shop/"


def test_incomplete_form_is_refused():
    assert call("/", "POST", b"name=Ada", FORM)[0] == "400 Bad Request"


def test_too_large_form_is_refused():
    assert call("/", "POST", b"x" * (guestbook.MAX_FORM + 1), FORM)[0] == "413 Content Too Large"


def test_upload_comes_back_byte_by_byte():
    data = bytes(range(256)) * 1024 + b"\r\n--xy\r\n"
    assert upload("päd <1>.bin", data)[0] == "303 See Other"
    assert "päd &lt;1&gt;.bin".encode() in call("/files")[2]
    status, headers, got = call("/files/1")
    assert status == "200 OK"
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''p%C3%A4d%20%3C1%3E.bin"
    assert int(headers["Content-Length"]) == len(data)
    assert got == data


def test_head_of_a_download_has_its_length_and_no_body():
    upload("a.txt", b"abc")
    _, headers, got = call("/files/1", "HEAD", check=False)
    assert (headers["Content-Length"], got) == ("3", b"")


@pytest.mark.parametrize("path", ["/nowhere", "/files/x", "/files/1/2", "/files/99", "/files/²"])
def test_unknown_page_is_404(path):
    assert call(path.encode().decode("latin-1"))[0] == "404 Not Found"


def test_wrong_method_names_the_right_ones():
    status, headers, _ = call("/stream", "PUT")
    assert (status, headers["Allow"]) == ("405 Method Not Allowed", "GET, HEAD")


def test_stream_sends_each_entry():
    for index in range(3):
        call("/", "POST", f"name=n{index}&text=words".encode(), FORM)
    _, headers, page = call("/stream")
    assert "Content-Length" not in headers
    assert page.count(b"<article>") == 3
    assert b"3 in all" in page
    assert page.rstrip().endswith(b"</main>")


def test_threads_may_sign_at_once():
    statuses = []
    calls = [
        threading.Thread(target=lambda: statuses.append(call("/", "POST", b"name=a&text=b", FORM)[0])) for _ in range(8)
    ]
    for thread in calls:
        thread.start()
    for thread in calls:
        thread.join()
    assert statuses == ["303 See Other"] * 8


@pytest.mark.parametrize("content_type", ["", "text/plain", "multipart/form-data", "multipart/form-data; boundary="])
def test_multipart_without_boundary_has_no_file(content_type):
    assert parse_multipart(b"--x\r\n\r\n\r\n--x--", content_type, "file") is None

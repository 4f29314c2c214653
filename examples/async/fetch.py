"""Passes GET on to another server, which may be slow: UPSTREAM=http://host:port."""

import os
from io import BytesIO
from urllib.parse import quote

import pycurl

from polydoor.asyncwsgi import run, sync_adapter
from polydoor.asyncwsgi.curl import perform

UPSTREAM = os.environ.get("UPSTREAM", "http://127.0.0.1:8001")
PATIENCE = 30  # seconds


@sync_adapter
def application(environ, start_response):
    """Fetches the same path."""
    page = BytesIO()
    curl = pycurl.Curl()
    try:
        curl.setopt(pycurl.URL, UPSTREAM + quote("/" + environ["PATH_INFO"].lstrip("/"), encoding="latin-1"))
        curl.setopt(pycurl.WRITEDATA, page)
        curl.setopt(pycurl.TIMEOUT, PATIENCE)
        try:
            yield from run(environ, perform(curl))
        except pycurl.error as error:
            start_response("502 Bad Gateway", [("Content-Type", "text/plain; charset=utf-8")])
            yield f"{error.args[1]}\n".encode()
            return
        status = curl.getinfo(pycurl.RESPONSE_CODE)
        kind = curl.getinfo(pycurl.CONTENT_TYPE) or "application/octet-stream"
    finally:
        curl.close()
    start_response(f"{status} Fetched", [("Content-Type", kind)])
    yield page.getvalue()

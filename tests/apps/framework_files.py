"""The same file from Flask and from Django, each in the way that its documentation shows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import django
import flask
from django.conf import settings
from django.http import FileResponse
from django.urls import path

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest
    from routing import Environ, StartResponse

FILE = os.environ["FILE_TO_SEND"]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
django.setup()
from django.core.wsgi import get_wsgi_application  # noqa: E402 - it needs the settings

by_flask = flask.Flask(__name__)
by_django = get_wsgi_application()


@by_flask.get("/flask")
def of_flask() -> flask.Response:
    """A file by its path."""
    return flask.send_file(FILE, mimetype="application/x-stored")


def of_django(_request: HttpRequest) -> FileResponse:
    """An open file."""
    return FileResponse(open(FILE, "rb"), content_type="application/x-stored")


urlpatterns = [path("django", of_django)]


def application(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """The framework that the path names."""
    app = by_flask if environ["PATH_INFO"] == "/flask" else by_django
    body: Iterable[bytes] = app(environ, start_response)
    return body

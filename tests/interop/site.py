"""The Django project made ready in a folder, and a browser-like client for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from support.server import APPS, Server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from peers.door import Door
    from peers.response import Response

USER, PASSWORD = "admin", "correct horse"
SPEC = "djangosite.wsgi:application"


def environment(folder: Path) -> dict[str, str]:
    """What the project needs in the environment."""
    return {
        "PYTHONPATH": os.pathsep.join([str(APPS), os.environ.get("PYTHONPATH", "")]),
        "DJANGOSITE_DATA": str(folder),
        "DJANGO_SETTINGS_MODULE": "djangosite.settings",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }


def prepare(folder: Path) -> None:
    """Makes database, user and collected static files."""
    folder.mkdir(parents=True, exist_ok=True)
    for command in (
        ["migrate", "--verbosity", "0"],
        ["createsuperuser", "--noinput", "--username", USER, "--email", "admin@example.org", "--verbosity", "0"],
        ["collectstatic", "--noinput", "--verbosity", "0"],
    ):
        subprocess.run(
            [sys.executable, "-m", "django", *command],
            env=os.environ | environment(folder),
            check=True,
            timeout=120,
            capture_output=True,
        )


def serve(folder: Path, listeners: Sequence[str]) -> Server:
    """The project in one polydoor process."""
    return Server(SPEC, listeners, threads=4, env=environment(folder))


class Visitor:
    """Keeps cookies, finds CSRF tokens and follows nothing."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.cookies: dict[str, str] = {}

    def request(
        self, method: str, target: str, headers: list[tuple[str, str]] | None = None, body: bytes = b"", **how: bool
    ) -> Response:
        """One request with the cookies so far."""
        fields = list(headers or [])
        if self.cookies:
            fields.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        response = self._door.request(method, target, fields, body, **how)
        for line in response.all("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return response

    def submit(self, target: str, values: dict[str, str]) -> Response:
        """Gets the form at `target` and posts it with its CSRF token."""
        form = self.request("GET", target)
        assert form.status == 200, form.summary()
        token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', form.body)
        assert token is not None, form.summary()
        body = urlencode(values | {"csrfmiddlewaretoken": token[1].decode()}).encode()
        return self.request("POST", target, [("Content-Type", "application/x-www-form-urlencoded")], body)


def multipart(name: str, content: bytes) -> tuple[str, bytes]:
    """A form with one file: its content type and body."""
    boundary = "boundary-of-the-test"
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return f"multipart/form-data; boundary={boundary}", head.encode() + content + f"\r\n--{boundary}--\r\n".encode()

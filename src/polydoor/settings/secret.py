"""Secrets that stand elsewhere: `env:NAME` in the environment, `file:PATH` in a file. Only loaded where one is used."""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.errors import ConfigError
from polydoor.settings.words import Secret

LARGEST = 4096  # bytes of a file


def read_secret(text: str, said: str) -> str:
    """Return the secret that `text` is or names. `said` begins the message if there is none that can be used."""
    place, _, where = text.partition(":")
    if not text.startswith(Secret.places):
        secret, found = text, said
    elif place == "env":
        secret, found = os.environ.get(where, ""), f"{said}: the variable {where}"
        if not secret:
            raise ConfigError(f"{found} is not set\nSet it in the environment of this command.", code=codes.UNUSABLE)
    else:
        secret, found = _read_file(where, said), f"{said}: the file {where}"
    try:
        Secret().check(secret)
    except ValueError as error:
        told = str(error).partition(", or env:")[0]
        raise ConfigError(f"{found} {told}\n{_a_new_one()}", code=codes.UNUSABLE) from None
    return secret


def _read_file(path: str, said: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(LARGEST).decode("latin-1").strip()
    except OSError as error:
        told = f"{said}: cannot read {path}: {error.strerror}"
        raise ConfigError(
            f"{told}\nWrite the token into this file, or name another one.", code=codes.UNUSABLE
        ) from None


def _a_new_one() -> str:
    return "`python3 -c 'import secrets; print(secrets.token_urlsafe())'` prints a good one."

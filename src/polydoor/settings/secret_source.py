"""What a listener's `secret=file:PATH` or `secret=env:NAME` names. Only loaded where one is used."""

from __future__ import annotations

import os

MOST = 255  # bytes; the core keeps so many (PD_SECRET_MAX)


def read_secret(source: str) -> bytes:
    """The secret that `source` names, without the line end of a file; ValueError tells why there is none."""
    kind, _, name = source.partition(":")
    if kind == "env":
        secret = os.environb.get(os.fsencode(name))
        if secret is None:
            raise ValueError(f"the variable {name} is not set")
    else:
        try:
            with open(name, "rb") as file:
                secret = file.read(MOST + 3).removesuffix(b"\n").removesuffix(b"\r")
        except OSError as error:
            raise ValueError(f"{name}: {error.strerror}") from None
    if not secret:
        raise ValueError(f"{name} is empty")
    if len(secret) > MOST:
        raise ValueError(f"{name} holds more than {MOST} bytes")
    if any(byte in secret for byte in b"\0\r\n"):
        raise ValueError(f"{name} holds a NUL or more than one line")
    return secret


__all__ = ["read_secret"]

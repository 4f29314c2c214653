"""Kinds of values whose text has a form of its own; those that measure and choose are in option.py."""

from __future__ import annotations

from polydoor.settings.option import Kind, Value, Word


class Secret(Kind):
    """A secret, or where one stands: `env:NAME` or `file:PATH` (read by secret.py when it is needed)."""

    metavar = "TOKEN"
    shortest = 16
    longest = 200
    places = ("env:", "file:")
    signs = "-._~"  # beside letters and digits what never needs an escape in a URL (RFC 3986, section 2.3)

    def parse(self, text: str) -> Value:
        """Take a place, or a secret that is long enough and can stand in a URL."""
        if not text.startswith(self.places):
            self.check(text)
        elif text in self.places:
            raise ValueError("needs a name behind env:, or a path behind file:")
        return text

    def check(self, secret: str) -> None:
        """Raise ValueError for what is too short, or cannot be a part of a path."""
        plain = secret.isascii() and all(char.isalnum() or char in self.signs for char in secret)
        if not plain or not self.shortest <= len(secret) <= self.longest:
            raise ValueError(
                f"needs at least {self.shortest} letters, digits or {self.signs}, or env:NAME or file:PATH, "
                "where they stand"
            )


class UrlPath(Word):
    """The path of a request as the application sees it, decoded."""

    longest = 100
    strange = "?#%"

    def parse(self, text: str) -> Value:
        """Take printable ASCII that begins with a slash and ends with none."""
        plain = text.isascii() and text.isprintable() and not set(text) & set(self.strange + " ")
        if not plain or not text.startswith("/") or text.endswith("/") or len(text) > self.longest:
            raise ValueError("needs a path such as /-/health: ASCII without spaces, ?, # and %, and no / at its end")
        return text


class Variable(Kind):
    """A pair NAME=VALUE that is put into each environ."""

    metavar = "NAME=VALUE"

    def parse(self, text: str) -> str:
        """Take any value; the name may not be one that the request or the protocol decides on."""
        name, equals, _ = text.partition("=")
        if not equals or not name or not name.isascii() or not name.replace("_", "").replace(".", "").isalnum():
            raise ValueError("needs NAME=VALUE")
        if name.startswith(("wsgi.", "polydoor.", "HTTP_")):
            raise ValueError("may not set a name that begins with wsgi., polydoor. or HTTP_")
        return text


class Assignment(Kind):
    """A pair NAME=VALUE for the environment of the process."""

    metavar = "NAME=VALUE"

    def parse(self, text: str) -> str:
        """Take any value, and a name that a shell could set."""
        name, equals, value = text.partition("=")
        if not equals or not name.isascii() or not name.isidentifier() or "\0" in value:
            raise ValueError("needs NAME=VALUE")
        return text


class Workers(Kind):
    """How many workers: `2`, `2:8` or `auto`."""

    metavar = "N|MIN:MAX"
    auto = "auto"
    most = 512

    def parse(self, text: str) -> Value:
        """Take one number, two that rise, or the word."""
        if text == self.auto:
            return text
        low, colon, high = text.partition(":")
        numbers = [int(part) if part.isascii() and part.isdecimal() else -1 for part in (low, high if colon else low)]
        if not (0 if colon else 1) <= numbers[0] <= numbers[1] <= self.most or not numbers[1]:
            raise ValueError(f"needs a number of workers from 1 to {self.most}, MIN:MAX or auto")
        return f"{numbers[0]}:{numbers[1]}" if colon else str(numbers[0])

    def text_of(self, value: object) -> str:
        """Take a whole number, or a string."""
        if isinstance(value, int | str) and not isinstance(value, bool):
            return str(value)
        raise ValueError("needs a number of workers, MIN:MAX or auto")

    def native(self, value: Value) -> int | float | str:
        """A number where it is one."""
        text = str(value)
        return int(text) if text.isdecimal() else text

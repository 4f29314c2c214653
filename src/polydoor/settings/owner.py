"""Users and groups of this machine, by name or by number."""

from __future__ import annotations

from polydoor.settings.option import Count, Kind, Value

MOST = 2**32 - 2
NOBODYS = -1  # no owner is named


def user_number(text: str) -> int:
    """Return the number of a user who exists, or any number; ValueError says what is needed."""
    if text.isdecimal() and text.isascii():
        return int(Count(0, MOST).parse(text))
    import pwd

    try:
        return pwd.getpwnam(text).pw_uid
    except (KeyError, ValueError):
        raise ValueError(f"needs the name or number of a user, and this machine has no user {text!r}") from None


def group_number(text: str) -> int:
    """Return the number of a group that exists, or any number; ValueError says what is needed."""
    if text.isdecimal() and text.isascii():
        return int(Count(0, MOST).parse(text))
    import grp

    try:
        return grp.getgrnam(text).gr_gid
    except (KeyError, ValueError):
        raise ValueError(f"needs the name or number of a group, and this machine has no group {text!r}") from None


class Owner(Kind):
    """The user to whom a socket is given."""

    metavar = "USER"

    def parse(self, text: str) -> Value:
        """Take a user's name, or a number."""
        return user_number(text)


class OwnerGroup(Kind):
    """The group to which a socket is given."""

    metavar = "GROUP"

    def parse(self, text: str) -> Value:
        """Take a group's name, or a number."""
        return group_number(text)

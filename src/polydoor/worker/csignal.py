"""The half of `signal` that is written in C; the other one makes enumerations of it all, half a megabyte of them."""

from _signal import *  # noqa: F403


def name_of(number: int) -> str:
    """The name of a signal; of several the one that comes first in the alphabet, as SIGABRT before SIGIOT."""
    known = (name for name, value in globals().items() if value == number and name[:3] == "SIG" and name[3] != "_")
    return min(known, default=f"signal {number}")

"""Types of the half of `signal` that is written in C."""

from signal import *  # noqa: F403

def name_of(number: int) -> str:
    """The name of a signal."""

"""The templates, one file for each front end (see `template`)."""

from pathlib import Path


def read(name: str) -> str:
    """The text of one template."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")

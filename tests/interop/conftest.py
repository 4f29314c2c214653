"""The fixtures of support/fixtures.py for this folder."""

from support.fixtures import *  # noqa: F403

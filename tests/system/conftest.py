"""The fixtures of support/ for this folder."""

from support.fixtures import *  # noqa: F403
from support.service import listening, notify  # noqa: F401
from support.wheel import *  # noqa: F403

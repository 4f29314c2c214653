"""All settings, in the order in which the help shows them. A new setting is one row in one of these files."""

from polydoor.settings.catalog.control import CONTROL
from polydoor.settings.catalog.limits import LIMITS
from polydoor.settings.catalog.logging import LOGGING
from polydoor.settings.catalog.memory import MEMORY
from polydoor.settings.catalog.recycling import RECYCLING
from polydoor.settings.catalog.serving import SERVING
from polydoor.settings.catalog.startup import STARTUP
from polydoor.settings.catalog.timeouts import TIMEOUTS

SETTINGS = (*SERVING, *STARTUP, *CONTROL, *LOGGING, *LIMITS, *TIMEOUTS, *RECYCLING, *MEMORY)
BY_NAME = {setting.name: setting for setting in SETTINGS}

__all__ = ["BY_NAME", "SETTINGS"]

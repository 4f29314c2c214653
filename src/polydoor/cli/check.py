"""`polydoor check [APP]`: load the configuration and the application, and bind nothing."""

from __future__ import annotations

from polydoor import codes
from polydoor.cli.command import Command
from polydoor.cli.output import put
from polydoor.failures import clean
from polydoor.settings.listener import mask_address

CHECK = Command(
    "polydoor check [APP] [options]",
    "Loads the configuration and the application, opens no address, and says whether all is well.",
    more="Exit status: 0 ok, 2 configuration, 3 the application does not load, 4 no such application in the module.",
)
ROWS = (CHECK,)


def main(argv: list[str]) -> int:
    """Say in one line that all is well; everything else is an error that somebody else tells."""
    arguments = CHECK.parse(argv)
    if arguments is None:
        return 0
    settings = CHECK.settings(arguments)

    from polydoor.worker.banner import say
    from polydoor.worker.serve import Worker

    for text in settings.warnings:
        say(*text.split("\n"), code=codes.WITHOUT_EFFECT)
    loaded = Worker(settings).check()
    file = settings.text("config")
    source = f", configured by {file}" if file else ""
    addresses = " ".join(mask_address(text) for text in settings.texts("bind"))
    put(clean(f"polydoor: all is well: {loaded.name} for {addresses}{source}\n"))
    return 0

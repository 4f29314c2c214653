"""What front ends that start Polydoor by themselves are filled with: the program, and where it is saved."""

from __future__ import annotations

from os.path import abspath, basename, dirname

from polydoor.frontend.address import check_mount, check_plain
from polydoor.frontend.facts import program, repeated_options, shell_word
from polydoor.settings.listener import parse_listener
from polydoor.settings.sources import current_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from polydoor.frontend.catalog import FrontEnd
    from polydoor.frontend.template import Fact
    from polydoor.settings.load import Settings

FOLDER = "/usr/lib/cgi-bin"
PATTERN_SIGNS = ".+()^"  # of a regular expression, that may stand in a mount
SUFFIXES = {"cgi": ".cgi", "fastcgi": ".fcgi"}


def facts(front_end: FrontEnd, settings: Settings, wishes: Mapping[str, str], name: str) -> dict[str, Fact]:
    """The mount is that of the first listener, so that the same options make every configuration."""
    mount = check_mount(str(parse_listener(settings.texts("bind")[0])["mount"]))
    script = abspath(wishes["script"] or f"{FOLDER}/{name}{SUFFIXES[front_end.program]}")
    words = program()
    if front_end.program == "cgi":
        words += ["cgi", *(["--mount", mount] if mount else [])]
    else:
        # A listening socket as descriptor 0 is found without an address, too; this one tells the mount.
        words += ["-t", "1", "-b", f"fd://0?protocol=fastcgi&profile=apache{f'&mount={mount}' if mount else ''}"]
    if settings.is_said("config") and settings.text("config"):
        words += ["-c", abspath(settings.text("config"))]
    words += repeated_options(settings, "chdir", "threads", "workers")
    words.append(settings.app() or "APP")
    return {
        "script": check_plain("the program", script),
        "script_folder": dirname(script),
        "script_file": basename(script),
        "folder": shell_word(current_folder()),
        "command": " ".join(map(shell_word, words)),
        "mount": mount,
        "mount_path": mount or "/",
        "mount_pattern": "".join(f"\\{sign}" if sign in PATTERN_SIGNS else sign for sign in mount),
        "script_path": script if mount else script + "/",
    }

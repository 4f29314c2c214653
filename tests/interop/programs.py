"""Front ends that start Polydoor by themselves, with the program that `polydoor frontend` has printed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from interop.frontends import Apache, FrontEnd, Lighttpd

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE = ("unshare", "--user", "--map-user=65534", "--map-group=65534")
SAVE = "# Save this program as "


def save_program(text: str, env: Mapping[str, str]) -> Path:
    """Does what the first lines of a printed configuration ask for. The tests' Polydoor is found with `env`."""
    lines = text.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith(SAVE))
    path = Path(lines[at].removeprefix(SAVE).partition(" and make it")[0])
    program = []
    for line in lines[at + 1 :]:
        if not line.startswith("#   "):
            break
        program.append(line.removeprefix("#   "))
    exports = [f"export {name}='{value}'" for name, value in env.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([program[0], *exports, *program[1:], ""]), encoding="utf-8")
    path.chmod(0o755)
    return path


class OwnApache(Apache):
    """Apache with mod_cgi and mod_fcgid, as the user who runs the tests.

    As root it would give up root, and what it starts could not read the tests; inside a user name space it is nobody
    who can.
    """

    modules = ("mpm_prefork", "authz_core", "alias", "mime", "rewrite", "env", "headers", "cgi", "fcgid")

    def wrapped(self) -> str:
        others = ("User ", "Group ", "ServerLimit", "ThreadsPerChild", "MaxRequestWorkers")  # of threads, and of root
        lines = super().wrapped().splitlines(keepends=True)
        return "".join(line for line in lines if not line.startswith(others))

    def command(self) -> list[str]:
        # A prefork Apache ends by a signal to its whole process group, which must not be that of the tests.
        return ["setsid", *(NAMESPACE if os.geteuid() == 0 else ()), *super().command()]

    def checking(self) -> list[str]:
        return [*(NAMESPACE if os.geteuid() == 0 else ()), *super().checking()]


class ModFcgid(OwnApache):
    """Debian's Apache with mod_fcgid, and what Debian's fcgid.conf sets."""

    name = "mod_fcgid"

    def wrapped(self) -> str:
        here = f"FcgidIPCDir {self.folder}\nFcgidProcessTableFile {self.folder}/processes\n"
        return super().wrapped().replace("StartServers 1\n", f"TypesConfig /dev/null\n{here}StartServers 1\n")


class ModCgi(OwnApache):
    """Debian's Apache with mod_cgi."""

    name = "mod_cgi"

    def wrapped(self) -> str:
        return super().wrapped().replace("StartServers 1\n", "TypesConfig /dev/null\nStartServers 1\n")


class LighttpdCgi(Lighttpd):
    """Debian's lighttpd with mod_cgi."""

    name = "lighttpd_cgi"


PROGRAMS: dict[str, type[FrontEnd]] = {kind.name: kind for kind in (ModFcgid, ModCgi, LighttpdCgi)}

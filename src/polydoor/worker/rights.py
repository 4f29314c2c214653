"""Another user for the application: found before anything is bound, taken before the application is loaded.

Loaded only with --user or --group. The order of the three calls matters: a process that is not root any more may
change neither its groups nor its group.
"""

from __future__ import annotations

import os

from polydoor import codes
from polydoor.errors import BootError, ConfigError
from polydoor.settings.owner import NOBODYS, group_number, user_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from polydoor.settings.listener import ListenerSpec
    from polydoor.settings.load import Settings

    T = TypeVar("T")

ROOT = 0
STATUS = "/proc/self/status"
NO_HOME = "/"  # of a number without an account


class Rights:
    """A user, a group and further groups. `account` is the user's name and home; None: it stays the same user."""

    def __init__(self, uid: int, gid: int, groups: Sequence[int], account: tuple[str, str] | None) -> None:
        self.uid = uid
        self.gid = gid
        self.groups = tuple(groups)
        self.account = account
        self.kept: frozenset[str] = frozenset()  # variables that the operator has set

    def own(self, spec: ListenerSpec) -> ListenerSpec:
        """A listener whose path is given to this user and group, unless the address names others."""
        if spec["kind"] != "unix" or spec["user"] != NOBODYS or spec["group"] != NOBODYS:
            return spec
        return {**spec, "user": self.uid, "group": self.gid}

    def within(self, call: Callable[[], T]) -> T:
        """Call something that has to work with these rights later, and come back."""
        uid, gid, groups = os.geteuid(), os.getegid(), os.getgroups()
        try:
            os.setgroups(self.groups)
            os.setegid(self.gid)
            os.seteuid(self.uid)
        except OSError as error:
            raise self._refused(error) from None
        try:
            return call()
        finally:
            os.seteuid(uid)
            os.setegid(gid)
            os.setgroups(groups)

    def take(self) -> None:
        """Become this user for good, and look whether that is so."""
        try:
            os.setgroups(self.groups)
            os.setresgid(self.gid, self.gid, self.gid)
            os.setresuid(self.uid, self.uid, self.uid)
        except OSError as error:
            raise self._refused(error) from None
        if left := self._left():
            raise BootError(f"{left} after becoming {self}\nNothing was loaded.", code=codes.RIGHTS_KEPT)
        if self.account:
            self._set_home(*self.account)

    def _left(self) -> str:
        """What there is still of the rights before; empty: nothing."""
        if os.getresuid() != (self.uid,) * 3 or os.getresgid() != (self.gid,) * 3:
            return f"the process is user {os.getresuid()} and group {os.getresgid()}"
        if set(os.getgroups()) != set(self.groups):
            return f"the process is in the groups {os.getgroups()}"
        if self.uid == ROOT:
            return ""
        try:
            os.setuid(ROOT)
        except OSError:
            held = capabilities()
            return f"the process holds the capabilities {held:#x}" if held else ""
        return "the process could become root again"

    def _set_home(self, name: str, home: str) -> None:
        """HOME, USER and LOGNAME, as a login would set them; what the operator has set stays."""
        for variable, value in (("HOME", home), ("USER", name), ("LOGNAME", name)):
            if variable in self.kept:
                continue
            if value:
                os.environ[variable] = value
            else:
                os.environ.pop(variable, None)

    def _refused(self, error: OSError) -> BootError:
        return BootError(
            f"cannot become {self}: {error.strerror}\n"
            "Give the container or service CAP_SETUID and CAP_SETGID, or start it as that user.",
            code=codes.RIGHTS_KEPT,
        )

    def __str__(self) -> str:
        return f"user {self.uid}, group {self.gid}"


def wanted_rights(settings: Settings) -> Rights | None:
    """What --user and --group ask for; None when the process has it already. ConfigError: it cannot be had."""
    user, group = settings.text("user"), settings.text("group")
    try:
        said = settings.said("user")
        uid = user_number(user) if user else os.geteuid()
        said = settings.said("group")
        gid = group_number(group) if group else -1
    except ValueError as error:
        raise ConfigError(f"{said} {error}", code=codes.NO_SUCH_USER) from None
    name, home, own_gid = account_of(uid)
    if gid < 0:
        gid = own_gid if own_gid >= 0 else uid
    if os.geteuid() != ROOT:
        if os.getresuid() == (uid,) * 3 and (not group or os.getresgid() == (gid,) * 3):
            return None
        said = settings.said("user" if user else "group")
        raise ConfigError(
            f"{said} asks for user {uid}, group {gid}, but this is user {os.geteuid()}, group {os.getegid()}, "
            "and only root can change that\nStart it as root, or leave it out.",
            code=codes.NEEDS_ROOT,
        )
    groups = os.getgrouplist(name, gid) if name and user else [gid]
    rights = Rights(uid, gid, groups, (name, home) if user else None)
    rights.kept = frozenset(pair.partition("=")[0] for pair in settings.texts("env"))
    hidden = rights.within(hidden_part)
    if hidden:
        text = f"{rights} may not read {hidden}, which the server itself needs"
        text += "\nInstall Python and Polydoor where that user may read them, not below the home of root."
        raise BootError(text, code=codes.RIGHTS_TOO_FEW)
    return rights


def hidden_part() -> str:
    """What is needed of the installation and cannot be read; empty: nothing."""
    needed = (os.__file__, __file__)
    return next((path for path in needed if not os.access(path, os.R_OK, effective_ids=True)), "")


def account_of(uid: int) -> tuple[str, str, int]:
    """Name, home and group of a user; a number without an account has none."""
    import pwd

    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return "", NO_HOME, -1
    return entry.pw_name, entry.pw_dir, entry.pw_gid


def capabilities() -> int:
    """The capabilities that this process may use; 0, too, where the system does not tell."""
    try:
        with open(STATUS, "rb", buffering=0) as file:
            fields = dict(line.split(b":", 1) for line in file.read(65_536).splitlines() if b":" in line)
        return int(fields[b"CapPrm"], 16)
    except (OSError, KeyError, ValueError):
        return 0

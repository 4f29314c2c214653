"""Opening a listener, and what is said when that fails."""

from __future__ import annotations

from polydoor.errors import BindError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from polydoor.settings.listener import ListenerSpec

    T = TypeVar("T")

ADDRESS_IN_USE = "PD0201"  # in core/base/notice.h


def listen_at(spec: ListenerSpec, listen: Callable[[ListenerSpec], T]) -> T:
    """What `listen` returns for a listener, or BindError, which says what is in the way."""
    if spec["kind"] == "fd" and spec["path"]:  # a name, and no service that would know it
        from polydoor.worker.systemd import no_such_socket

        raise no_such_socket(str(spec["path"]))
    try:
        return listen(spec)
    except (OSError, ValueError) as error:
        raise _bind_error(str(error), spec) from None


def _bind_error(text: str, spec: ListenerSpec) -> BindError:
    """What the core says, "PD0201: what happened", and behind a line feed what to do; and who is in the way."""
    code, _, block = text.partition(": ")
    if code == ADDRESS_IN_USE:
        from polydoor.worker.holder import explain_taken

        block = explain_taken(block, spec)
    return BindError(block, code=code) if code.startswith("PD") else BindError(text)

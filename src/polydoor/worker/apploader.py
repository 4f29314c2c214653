"""Finds the application that `module:attr` and its relatives name, and says plainly what is missing.

shop            shop.application, else shop.app         shop:web.app      an attribute of an attribute
shop:make()     what the factory returns                site/shop.py:app  a file, without its folder on sys.path
"""

from __future__ import annotations

import os
import sys

from polydoor.errors import AppLoadError, AppNotFoundError
from polydoor.settings.suggest import hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

DEFAULT_ATTRIBUTES = ("application", "app")


class LoadedApp:
    """The application and the full name under which it was found."""

    __slots__ = ("app", "name")

    def __init__(self, app: Any, name: str) -> None:
        self.app = app
        self.name = name


def load_app(text: str) -> LoadedApp:
    """Import and return the application that `text` names."""
    source, attribute = _split(text)
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    is_file = source.endswith(".py") or "/" in source
    module = _load_file(source) if is_file else _load_module(source)
    return _pick(module, source, attribute)


def _split(text: str) -> tuple[str, str]:
    source, _, attribute = text.partition(":")
    if not source or text.endswith(":"):
        raise AppNotFoundError(f"{text!r} names no application\nIt is written module:attr or path/file.py:attr.")
    return source, attribute


def _load_module(name: str) -> ModuleType:
    if not all(part.isidentifier() for part in name.split(".")):
        raise AppLoadError(f"{name!r} is not the name of a module\nIt is written package.module:attr.")
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise AppLoadError(_not_found(name, error.name)) from None
        raise AppLoadError(_failed(name, error)) from error
    except (Exception, SystemExit) as error:
        raise AppLoadError(_failed(name, error)) from error
    return sys.modules[name]


def _load_file(path: str) -> ModuleType:
    from importlib.machinery import ModuleSpec, SourceFileLoader
    from importlib.util import module_from_spec

    full = os.path.abspath(path)
    if not os.path.isfile(full):
        near = hint(os.path.basename(full), _python_files(os.path.dirname(full)))
        raise AppLoadError(f"there is no file {path}\nLooked for {full}.{near}")
    name = os.path.basename(full).removesuffix(".py")
    name = name if name.isidentifier() and name not in sys.modules else "polydoor_app"
    loader = SourceFileLoader(name, full)
    spec = ModuleSpec(name, loader, origin=full)
    spec.has_location = True
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise AppLoadError(_failed(path, error)) from error
    return module


def _pick(module: ModuleType, source: str, attribute: str) -> LoadedApp:
    """The application out of its module."""
    is_factory = attribute.endswith("()")
    path = attribute.removesuffix("()")
    if not path:
        path = next((name for name in DEFAULT_ATTRIBUTES if hasattr(module, name)), "")
        if not path:
            tried = " nor ".join(f"`{name}`" for name in DEFAULT_ATTRIBUTES)
            raise AppNotFoundError(f"{source} has neither {tried}{_candidates(module)}")
    found: Any = module
    for part in path.split("."):
        if not hasattr(found, part):
            near = hint(part, [name for name in vars(module) if not name.startswith("_")])
            raise AppNotFoundError(f"{source} has no attribute {path!r}{near or _candidates(module)}")
        found = getattr(found, part)
    name = f"{source}:{path}"
    if is_factory:
        name += "()"
        found = _call_factory(found, name)
    if not callable(found):
        raise AppNotFoundError(f"{name} is not callable: it is a {type(found).__name__}")
    return LoadedApp(found, name)


def _call_factory(factory: Any, name: str) -> Any:
    try:
        return factory()
    except (Exception, SystemExit) as error:
        raise AppLoadError(f"{name} failed{_traceback(error)}") from error


def _candidates(module: ModuleType) -> str:
    """The public callables that the module itself defines."""
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    ]
    return f"\nIt defines: {', '.join(own[:8])}." if own else ""


def _not_found(name: str, missing: str) -> str:
    lines = [f"there is no module {missing!r}"]
    if missing != name:
        lines[0] += f" (of {name})"
    lines.append(f"Looked in {os.getcwd()} and on sys.path.")
    near = hint(missing, _python_files(os.getcwd(), strip=True))
    return "\n".join(lines) + near


def _python_files(folder: str, *, strip: bool = False) -> list[str]:
    try:
        names = [name for name in os.listdir(folder or ".") if name.endswith(".py")]
    except OSError:
        return []
    return [name.removesuffix(".py") for name in names] if strip else names


def _failed(what: str, error: BaseException) -> str:
    return f"the import of {what} failed{_traceback(error)}"


def _traceback(error: BaseException) -> str:
    """The traceback from the application's first frame on, as lines below a message."""
    import traceback

    frame = error.__traceback__
    while frame and ("importlib" in frame.tb_frame.f_code.co_filename or frame.tb_frame.f_globals is globals()):
        frame = frame.tb_next
    shown = "".join(traceback.format_exception(type(error), error, frame))
    return "\n" + shown.rstrip("\n")

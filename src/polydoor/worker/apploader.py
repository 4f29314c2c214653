"""Finds the application that `module:attr` and its relatives name, and says plainly what is missing.

shop            shop.application, else shop.app         shop:web.app      an attribute of an attribute
shop:make()     what the factory returns                site/shop.py:app  a file, without its folder on sys.path
"""

from __future__ import annotations

import os
import stat
import sys

from polydoor import codes
from polydoor.bridge import end_child
from polydoor.errors import AppLoadError, AppNotFoundError, PolydoorError
from polydoor.worker.appshape import DEFAULT_ATTRIBUTES, WSGI_ARGUMENTS, a_kind, argument_counts, is_coroutine
from polydoor.worker.signals import StoppedAtBootError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any, NoReturn

    from polydoor.worker.signals import WakePipe

INTERRUPTS = (KeyboardInterrupt, StoppedAtBootError)  # what comes from outside, and is nothing that the import raised


class LoadedApp:
    """The application and the full name under which it was found."""

    __slots__ = ("app", "name")

    def __init__(self, app: Any, name: str) -> None:
        self.app = app
        self.name = name


def load_app(text: str) -> LoadedApp:
    """Import and return the application that `text` names."""
    source, attribute = _split(text)
    from polydoor.settings.sources import current_folder

    here = current_folder()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    is_file = source.endswith(".py") or "/" in source
    module = _load_file(source, attribute) if is_file else _load_module(source, attribute)
    try:
        return _pick(module, source, attribute)
    except (PolydoorError, *INTERRUPTS):
        raise
    except BaseException as error:  # an attribute that is computed, or a class that takes no question
        fail_to_load(f"looking for the application in {source}", error)


def load_here(load: Callable[[], LoadedApp]) -> LoadedApp:
    """Load the application; a child that it forks meanwhile and that comes back to us ends instead of going on."""
    pid = os.getpid()
    try:
        loaded = load()
    except BaseException as error:
        if os.getpid() != pid:
            end_child(error.__cause__ or error)
        raise
    if os.getpid() != pid:
        end_child()
    return loaded


def load_within(signals: WakePipe, load: Callable[[], LoadedApp]) -> LoadedApp:
    """Load the application; a KeyboardInterrupt that no signal has brought is its own, and told as such."""
    try:
        return load()
    except KeyboardInterrupt as error:
        if signals.stopped_by or not signals.watched:
            raise
        fail_to_load("loading the application", error)


def _split(text: str) -> tuple[str, str]:
    source, _, attribute = text.partition(":")
    if not source or text.endswith(":"):
        told = f"{text!r} names no application\nWrite module:attr, module:factory() or path/file.py:attr."
        raise AppNotFoundError(told, code=codes.BAD_APP_NAME)
    return source, attribute


def _load_module(name: str, attribute: str) -> ModuleType:
    try:
        if not all(part.isidentifier() for part in name.split(".")):
            from polydoor.worker.diagnose import no_module_name

            raise AppNotFoundError(no_module_name(name, attribute), code=codes.BAD_APP_NAME)
        __import__(name)
    except (AppNotFoundError, *INTERRUPTS):
        raise
    except BaseException as error:
        from polydoor.worker.diagnose import is_about_app, no_module

        if isinstance(error, ModuleNotFoundError) and is_about_app(error, name):
            raise AppLoadError(no_module(name, error.name or name, attribute), code=codes.MODULE_MISSING) from None
        fail_to_load(f"the import of {name}", error)
    return sys.modules[name]


def _load_file(path: str, attribute: str) -> ModuleType:
    from _frozen_importlib import ModuleSpec, module_from_spec  # not importlib.util, which brings contextlib and more
    from _frozen_importlib_external import SourceFileLoader

    full = os.path.abspath(path)
    _check_file(path, full, attribute)
    name = os.path.basename(full).removesuffix(".py")
    name = name if name.isidentifier() and name not in sys.modules else "polydoor_app"
    loader = SourceFileLoader(name, full)
    spec = ModuleSpec(name, loader, origin=full)
    spec.has_location = True
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except INTERRUPTS:
        raise
    except BaseException as error:
        sys.modules.pop(name, None)
        fail_to_load(f"the import of {path}", error)
    return module


def _check_file(path: str, full: str, attribute: str) -> None:
    """Raise AppLoadError for what is no file, or may not be read."""
    try:
        if stat.S_ISREG(os.stat(path if path.endswith("/") else full).st_mode):  # with a slash no file is one
            with open(full, "rb"):
                return
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # ValueError: a NUL character
        told = f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        told += "\nLet this user read it, and enter the folders above it." if isinstance(error, PermissionError) else ""
        raise AppLoadError(told, code=codes.CANNOT_READ) from None
    from polydoor.worker.diagnose import no_file

    raise AppLoadError(no_file(path, attribute), code=codes.FILE_MISSING)


def fail_to_load(what: str, error: BaseException) -> NoReturn:
    """Tell of an exception in the application's own code."""
    try:
        from polydoor.worker.diagnose import explain_failure

        code, text = explain_failure(what, error)
    except BaseException:  # the exception is the application's, and so is what it does when it is asked
        from polydoor.failures import traceback_text

        code, text = codes.IMPORT_FAILED, f"{what} failed\n{traceback_text(error)}"
    raise AppLoadError(text, code=code) from error


def _pick(module: ModuleType, source: str, attribute: str) -> LoadedApp:
    """The application out of its module."""
    is_factory = attribute.endswith("()")
    path = attribute.removesuffix("()")
    if "(" in path:
        named = f"{source}:{path.partition('(')[0]}"
        told = f"{source}:{attribute} gives arguments to a factory, but it is called without any\n"
        told += f"Write {named}(); let it take its arguments from the environment, or be called by one that has them."
        raise AppNotFoundError(told, code=codes.FACTORY_ARGUMENTS)
    if not path:
        path = next((name for name in DEFAULT_ATTRIBUTES if hasattr(module, name)), "")
    found: Any = module
    for part in path.split("."):
        if not part or not hasattr(found, part):
            from polydoor.worker.diagnose import no_attribute

            raise AppNotFoundError(no_attribute(module, source, path), code=codes.ATTRIBUTE_MISSING)
        found = getattr(found, part)
    name = f"{source}:{path}"
    if is_factory:
        return LoadedApp(_call_factory(found, f"{name}()", module), f"{name}()")
    check_app(found, name, module)
    return LoadedApp(found, name)


def _call_factory(factory: Any, name: str, module: ModuleType) -> Any:
    if not callable(factory):
        told = f"{name[:-2]} is {a_kind(factory)}, not a factory"
        raise AppNotFoundError(told, code=codes.NOT_CALLABLE)
    low, _ = argument_counts(factory)
    if low > 0:
        told = (
            f"{name} needs {low} argument{'s' if low > 1 else ''}, but a factory is called without any\n"
            "Give its parameters default values, or write a function without parameters that calls it."
        )
        raise AppNotFoundError(told, code=codes.FACTORY_ARGUMENTS)
    try:
        made = factory()
    except INTERRUPTS:
        raise
    except BaseException as error:
        from polydoor.worker.diagnose import explain_factory

        raise AppLoadError(explain_factory(name, error), code=codes.FACTORY_FAILED) from error
    if not callable(made):
        told = f"{name} returned {a_kind(made)}, not an application\nCheck that it ends with `return app`."
        raise AppNotFoundError(told, code=codes.FACTORY_RESULT)
    check_app(made, f"what {name} returned", module)
    return made


def check_app(app: Any, name: str, module: ModuleType | None = None) -> None:
    """Raise AppNotFoundError for what cannot be a WSGI application; what might be one passes."""
    if not callable(app):
        from polydoor.worker.diagnose import candidates

        told = f"{name} is {a_kind(app)}, not an application{candidates(module) if module else ''}"
        raise AppNotFoundError(told, code=codes.NOT_CALLABLE)
    if is_coroutine(app) or is_coroutine(type(app).__call__):
        told = (
            f"{name} is an ASGI application, and Polydoor serves WSGI\n"
            "Name the WSGI application (in Django: wsgi.py, not asgi.py), or use a server for ASGI."
        )
        raise AppNotFoundError(told, code=codes.IS_ASGI)
    if isinstance(app, type):
        if not hasattr(app, "__iter__"):  # PEP 3333 allows a class whose instances are the response
            told = f"{name} is a class, not an application\nTo serve an instance, write {name}()."
            raise AppNotFoundError(told, code=codes.IS_CLASS)
        return
    low, high = argument_counts(app)
    if high < WSGI_ARGUMENTS or low > WSGI_ARGUMENTS:
        if low == 0:
            told = f"{name} cannot take environ and start_response, but may be a factory"
            raise AppNotFoundError(f"{told}\nWrite {name}(), or add --factory.", code=codes.IS_FACTORY)
        told = f"{name} needs {low} argument{'s' if low > 1 else ''}, and an application takes two"
        told += ": environ and start_response"
        raise AppNotFoundError(told, code=codes.NOT_CALLABLE)

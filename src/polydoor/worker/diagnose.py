"""Why an application cannot be loaded, in words. Only loaded once something is wrong."""

from __future__ import annotations

import os
import sys
import traceback

from polydoor import codes
from polydoor.failures import frames_of, text_of, unshowable
from polydoor.settings.suggest import hint
from polydoor.worker.appshape import DEFAULT_ATTRIBUTES, WSGI_ARGUMENTS, argument_counts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

DEPTH = 3  # folders below the current one in which a misplaced module is looked for
FOLDERS = 300  # and how many of them at most
SHOWN = 8  # names in a list
NOTHING = "\nIt defines nothing that could be one: name the module that holds the application."
SKIPPED = {"node_modules", "__pycache__", "site-packages", "venv"}


# --- what is not there ------------------------------------------------------------------------------------------------


def no_module_name(name: str, attribute: str) -> str:
    """Say that a module cannot have this name."""
    lines = [f"{name} is not the name of a module"]
    if os.path.isfile(f"{name}.py"):
        lines.append(f"For the file {name}.py, write {_with_attribute(f'{name}.py', attribute)}.")
    else:
        lines.append("Write package.module:attr or path/file.py:attr.")
    return "\n".join(lines)


def no_module(name: str, missing: str, attribute: str) -> str:
    """Say which part of a module's name cannot be found, where it was looked for, and what is near."""
    parent, _, last = missing.rpartition(".")
    package = sys.modules.get(parent)
    if package is not None:
        return _no_submodule(package, parent, last, attribute)
    part = f", the first part of {name}" if missing != name else ""
    lines = [f"there is no module {missing}{part}", f"Looked in {_path_in_words()}."]
    elsewhere = _elsewhere(name, attribute)
    return "\n".join(lines) + (elsewhere or hint(missing, sorted(set(_modules_in(sys.path[0] or ".")))))


def _no_submodule(package: ModuleType, parent: str, last: str, attribute: str) -> str:
    folders = list(getattr(package, "__path__", []))
    if not folders:
        file = _short(getattr(package, "__file__", None) or parent)
        if hasattr(package, last) and not attribute:
            return f"{parent} is the file {file}, and {last} stands in it\nWrite {parent}:{last}."
        return f"there is no module {parent}.{last}: {parent} is a file, {file}, not a package"
    lines = [f"there is no module {parent}.{last}", f"Looked in {', '.join(map(_short, folders))}."]
    return "\n".join(lines) + hint(f"{parent}.{last}", [f"{parent}.{found}" for found in _modules_in(folders[0])])


def no_file(path: str, attribute: str) -> str:
    """Say that there is no such file, and what is there instead."""
    full = os.path.abspath(path)
    if os.path.isfile(full):
        return f"{path} is a file, and no folder\nWrite {_with_attribute(path.rstrip('/'), attribute)}."
    if os.path.isdir(full):
        meant = f"{path.rstrip('/')}.py"
        if os.path.isfile(f"{full}.py"):
            return f"{path} is a folder, not a file\nBeside it is {meant}: write {_with_attribute(meant, attribute)}."
        files = sorted(name for name in _names_in(full) if name.endswith(".py"))
        if not files:
            return f"{path} is a folder, not a file"
        meant = _with_attribute(os.path.join(path, files[0]), attribute)
        return f"{path} is a folder, not a file\nIt holds {_listed(files)}; write {meant}."
    if os.path.islink(full):
        return f"there is no file {path}\nIt is a link to {os.readlink(full)}, which leads nowhere."
    if os.path.lexists(full):
        return f"{path} is not a file that holds Python"
    meant = f"{path.rstrip('/')}.py"
    if os.path.isfile(f"{full}.py"):
        return f"there is no file {path}\nThere is {meant}: write {_with_attribute(meant, attribute)}."
    folder = os.path.dirname(path)
    near = hint(path, [os.path.join(folder, f"{name}.py") for name in _modules_in(folder or ".")])
    return f"there is no file {path}\nLooked for {full}.{near or _elsewhere_file(path, attribute)}"


def no_attribute(module: ModuleType, source: str, path: str) -> str:
    """Say which attribute a module lacks, and which ones it has."""
    beside = _beside(module, path)
    if not path:
        tried = " nor ".join(DEFAULT_ATTRIBUTES)
        return f"{source} has neither {tried}{beside or candidates(module) or NOTHING}"
    near = hint(path, [name for name in vars(module) if not name.startswith("_")])
    return f"{source} has no attribute {path}{beside or near or candidates(module) or NOTHING}"


def _beside(module: ModuleType, attribute: str) -> str:
    """A line on the file that a package of the same name hides."""
    folder = next(iter(getattr(module, "__path__", ())), "")
    if not folder or not os.path.isfile(f"{folder}.py"):
        return ""
    file = _short(f"{folder}.py")
    return f"\nIt is the folder {_short(folder)}, which hides {file}: write {_with_attribute(file, attribute)}."


def candidates(module: ModuleType) -> str:
    """A line that names what in a module might be the application; factories with parentheses."""
    names = []
    for name, value in vars(module).items():
        if name.startswith("_") or not callable(value):
            continue
        is_defined = isinstance(value, type) or type(value).__name__ in {"function", "builtin_function_or_method"}
        if is_defined and getattr(value, "__module__", "") != module.__name__:
            continue  # imported from elsewhere
        low, high = argument_counts(value)
        is_factory = isinstance(value, type) or (low == 0 and high < WSGI_ARGUMENTS)
        names.append(f"{name}()" if is_factory else name)
    return f"\nIt defines {_listed(names)}." if names else ""


def _path_in_words() -> str:
    first = sys.path[0] or _here()
    here = " (the current folder)" if os.path.realpath(first) == _here() else ""
    return f"{first}{here} and the rest of Python's path"


def _modules_in(folder: str) -> Iterator[str]:
    """Modules and packages in a folder."""
    for name in _names_in(folder):
        if name.endswith(".py") and name != "__init__.py":
            yield name.removesuffix(".py")
        elif os.path.isfile(os.path.join(folder, name, "__init__.py")):
            yield name


def _names_in(folder: str) -> list[str]:
    """What a folder holds, as far as we may look."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _elsewhere(name: str, attribute: str) -> str:
    """A line on a module of this name in a folder below the current one."""
    wanted = name.replace(".", "/")
    for folder in _folders_below("."):
        at = os.path.normpath(os.path.join(folder, wanted))
        if folder == "." or not (os.path.isfile(f"{at}.py") or os.path.isfile(os.path.join(at, "__init__.py"))):
            continue
        if os.path.isfile(os.path.join(folder, "__init__.py")):
            dotted = at.replace("/", ".")
            return f"\nThere is {at}.py, in a package: write {_with_attribute(dotted, attribute)}."
        told = _with_attribute(f"{at}.py", attribute)
        return f"\nThere is {at}.py: write {told}, or add --app-dir {os.path.normpath(folder)}."
    return ""


def _elsewhere_file(path: str, attribute: str) -> str:
    """A line on a file of this name in a folder below the current one."""
    for folder in _folders_below("."):
        at = os.path.normpath(os.path.join(folder, os.path.basename(path)))
        if os.path.isfile(at):
            return f"\nThere is {at}: write {_with_attribute(at, attribute)}."
    return ""


def _folders_below(top: str) -> Iterator[str]:
    """The folder and some below it, nearest first; hidden ones and environments are left out."""
    waiting = [(top, 0)]
    for count, (folder, depth) in enumerate(waiting):
        yield folder
        if depth == DEPTH or count >= FOLDERS:
            continue
        try:
            names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
        except OSError:
            continue
        waiting += [(os.path.join(folder, name), depth + 1) for name in names if name[0] != "." and name not in SKIPPED]


def _with_attribute(source: str, attribute: str) -> str:
    return f"{source}:{attribute}" if attribute else source


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + (" and others" if len(names) > SHOWN else "")


# --- what fails while it is imported ----------------------------------------------------------------------------------


def is_about_app(error: ModuleNotFoundError, name: str) -> bool:
    """Whether the application itself is missing, rather than something that it imports."""
    is_part = bool(error.name) and (name == error.name or name.startswith(f"{error.name}."))
    return is_part and not _frames(error)


def explain_failure(what: str, error: BaseException) -> tuple[str, str]:
    """Return the code and the text for an exception while an application is imported."""
    at = _place(error)
    failed = f"{what} failed{f' at {at}' if at else ''}"
    if isinstance(error, SystemExit):
        remedy = 'Put what only a script should do below `if __name__ == "__main__":`.'
        return codes.IMPORT_EXITED, f"{failed}: it ends the process\n{_shown(error)}\n{remedy}"
    is_nul = isinstance(error, SyntaxError | ValueError) and "null bytes" in text_of(error)
    if isinstance(error, SyntaxError) or is_nul:
        file = _file_with_nul(what, error) if is_nul else _place(error)
        return codes.SYNTAX_ERROR, f"{what} failed: {file} is not valid Python\n{_shown(error)}"
    if "partially initialized module" in text_of(error):
        remedy = "Move one of the imports into the function that needs it, or what both need into a third module."
        return codes.CIRCULAR_IMPORT, f"{failed}: modules import each other\n{_shown(error)}\n{remedy}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        remedy = f"Install it for {sys.executable}, or correct the import."
        return codes.IMPORT_INSIDE, f"{failed}: there is no module {error.name}\n{_shown(error)}\n{remedy}"
    return codes.IMPORT_FAILED, f"{failed}\n{_shown(error)}"


def explain_factory(name: str, error: BaseException) -> str:
    """Return the text for an exception in a factory."""
    at = _place(error)
    return f"{name} failed{f' at {at}' if at else ''}\n{_shown(error)}"


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    """The frames of an exception without Polydoor's and the import system's."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return [
        traceback.FrameSummary(frame.filename, frame.lineno, frame.name)  # no columns, so no marks below the lines
        for frame in traceback.extract_tb(frames_of(error))
        if not frame.filename.startswith(("<frozen importlib", own + os.sep))
        and not frame.filename.endswith(("importlib/__init__.py", "importlib/_bootstrap_external.py"))
    ]


def _is_library(frame: traceback.FrameSummary) -> bool:
    standard = os.path.dirname(os.__file__)
    parts = frame.filename.split(os.sep)
    return frame.filename.startswith((standard + os.sep, "<")) or bool({"site-packages", "dist-packages"} & {*parts})


def _place(error: BaseException) -> str:
    """The last line of the application's own code, as file:line."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_short(error.filename)}:{error.lineno}"
    frames = [frame for frame in _frames(error) if not _is_library(frame)]
    return f"{_short(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""


def _file_with_nul(what: str, error: BaseException) -> str:
    """The file that holds a NUL byte: Python does not tell which, so look at what the last line imports."""
    frames = _frames(error)
    asked = what.removeprefix("the import of ")
    for name in (frames[-1].line or "").replace(",", " ").split() if frames else [asked]:
        path = name if name.endswith(".py") else _source_of(name)
        if _holds_nul(path):
            return _short(path)
    return "a file that it imports"


def _source_of(name: str) -> str:
    """The file of a module that is not imported yet, or an empty text."""
    from importlib.util import find_spec

    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return ""
    return spec.origin or "" if spec else ""


def _holds_nul(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return b"\0" in file.read()
    except OSError:
        return False


def _shown(error: BaseException) -> str:
    """The traceback, cut to the application's frames and the one that raised; and what was left out."""
    try:
        return _shown_as_told(error)
    except BaseException as trouble:
        lines = traceback.format_list(_frames(error))
        return "".join(["Traceback (most recent call last):\n" if lines else "", *lines, unshowable(error, trouble)])


def _shown_as_told(error: BaseException) -> str:
    told = traceback.TracebackException.from_exception(error)
    left_out = 0
    one: traceback.TracebackException | None = told
    source: BaseException | None = error
    while one is not None and source is not None:
        frames = _frames(source)
        last = frames[-1:] if frames and not frames[-1].filename.startswith("<") else []  # a frozen one has no text
        kept = [frame for frame in frames[: len(frames) - len(last)] if not _is_library(frame)] + last
        left_out += len(frames) - len(kept)
        one.stack = traceback.StackSummary.from_list(kept)
        one, source = (
            (one.__cause__, source.__cause__) if one.__cause__ is not None else (one.__context__, source.__context__)
        )
    lines = "".join(told.format()).rstrip("\n")
    if not told.stack:
        lines = "".join(told.format_exception_only()).rstrip("\n")
    if left_out:
        lines += f"\n{left_out} {'calls' if left_out > 1 else 'call'} inside libraries left out."
    return lines


def _short(path: str) -> str:
    """A path as seen from the current folder, when it is below it."""
    here = _here()
    return path.removeprefix(here + os.sep) if here else path


def _here() -> str:
    """The current folder, unless it has been deleted."""
    try:
        return os.getcwd()
    except OSError:
        return ""

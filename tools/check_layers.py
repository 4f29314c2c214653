"""Checks that imports and includes only run downwards.

Python: django, flask > cli > frontend > hosting > supervisor > flup > worker, client > bridge > settings > errors,
failures, states > codes. asyncwsgi, which is for applications, imports none of them.
C: cmd > engine > conn, loop > codec > base; conn and loop are siblings; protocols do not include each other; nothing
in core/ includes Python.h.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Highest first; the modules of one row do not import each other.
LAZY = "polydoor.*"
PYTHON_LAYERS = (
    ("__main__", "django", "flask"),
    ("cli",),
    ("frontend",),
    ("hosting",),
    ("supervisor",),
    (LAZY, "flup"),  # LAZY: names that the package itself offers and loads when they are first used
    ("worker", "client"),
    ("bridge",),
    ("settings",),
    ("",),  # the package itself
    ("errors", "failures", "states", "_version"),
    ("codes",),
    ("asyncwsgi",),  # for applications, and usable without the server
)
C_LAYERS = (("cmd",), ("engine",), ("conn", "loop"), ("codec",), ("base",))
PROTOCOLS = ("http1", "fastcgi", "scgi", "uwsgi", "ajp13", "cgi")  # chunked.h and single.h are shared helpers
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include\s+[<"]([^">]+)[">]', re.MULTILINE)


def main() -> int:
    """Print every violation and return 1 if there is one."""
    faults = [*python_faults(ROOT / "src" / "polydoor"), *c_faults(ROOT / "core")]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def rank(layers: tuple[tuple[str, ...], ...], name: str) -> int:
    """The row of a layer, or -1."""
    return next((row for row, names in enumerate(layers) if name in names), -1)


def python_faults(package: Path) -> Iterator[str]:
    """Imports that run upwards or sideways."""
    for path in sorted(package.rglob("*.py")):
        own = path.relative_to(package).with_suffix("").parts[0].removeprefix("__init__")
        if rank(PYTHON_LAYERS, own) < 0:
            yield f"{path.relative_to(ROOT)}: the layer {own!r} is not in tools/check_layers.py"
            continue
        for line, target, is_lazy in python_imports(path):
            user = LAZY if is_lazy and not own else own
            yield from _fault(PYTHON_LAYERS, f"{path.relative_to(ROOT)}:{line}", user, target)


def python_imports(path: Path) -> Iterator[tuple[int, str, bool]]:
    """The layers that a file imports, with line numbers, and whether importing the file leaves them alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "polydoor":
            layers = [alias.name for alias in node.names if rank(PYTHON_LAYERS, alias.name) >= 0]
            names = [f"polydoor.{layer}" for layer in layers] or ["polydoor"]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "polydoor.a relative import"]
        else:
            continue
        for name in names:
            if name.partition(".")[0] == "polydoor":
                yield node.lineno, name.split(".")[1] if "." in name else "", node not in tree.body


def c_faults(core: Path) -> Iterator[str]:
    """Includes that run upwards or sideways, or reach Python."""
    for path in sorted([*core.rglob("*.c"), *core.rglob("*.h")]):
        parts = path.relative_to(core).parts
        own = parts[0] if len(parts) > 1 else path.stem.partition("_")[0]
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            where = f"{path.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}"
            if match[1] == "Python.h":
                yield f"{where}: core/ knows nothing of Python"
            included = Path(match[1])
            if (core / included).exists():
                target = included.parts[0] if len(included.parts) > 1 else included.stem.partition("_")[0]
                yield from _fault(C_LAYERS, where, own, target)
                protocol, other = path.stem.partition("_")[0], included.stem.partition("_")[0]
                if own == "codec" and {protocol, other} <= set(PROTOCOLS) and protocol != other:
                    yield f"{where}: the protocol {protocol} includes the protocol {other}"


def _fault(layers: tuple[tuple[str, ...], ...], where: str, own: str, target: str) -> Iterator[str]:
    to = rank(layers, target)
    if to < 0:
        yield f"{where}: the layer {target!r} is not in tools/check_layers.py"
    elif own != target and to <= rank(layers, own):
        yield f"{where}: {own} may not use {target}"


if __name__ == "__main__":
    sys.exit(main())

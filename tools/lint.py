"""`make lint` and `make format`: every check that needs no running server, one after the other."""

import subprocess
import sys
from pathlib import Path

import environment

C_FOLDERS = ("core", "fuzz", "tests/core", "benchmarks")


def main(arguments: list[str]) -> int:
    """Run all checks even if one fails, so that one run shows everything."""
    environment.prepare_groups("lint")
    is_format = arguments == ["--format"]
    failed = [name for name, command in (_formats() if is_format else _checks()) if not _passes(name, command)]
    if failed:
        print(f"make: failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _checks() -> list[tuple[str, list[str]]]:
    python = sys.executable
    checks = [
        ("ruff check", ["ruff", "check", "."]),
        ("ruff format", ["ruff", "format", "--check", "."]),
        ("mypy", ["mypy"]),
        ("layers", [python, "tools/check_layers.py"]),
        ("C style", [python, "tools/check_c_style.py"]),
        ("manifest", [python, "tools/check_manifest.py"]),
    ]
    if c_files := _files("*.[ch]", C_FOLDERS):
        checks.append(("clang-format", ["clang-format", "--dry-run", "-Werror", *c_files]))
    if cython_files := _files("*.p[yx][xdi]", ("src",)):
        checks.append(("cython-lint", ["cython-lint", "--max-line-length=120", *cython_files]))
    return checks


def _formats() -> list[tuple[str, list[str]]]:
    return [
        ("ruff check", ["ruff", "check", "--fix", "."]),
        ("ruff format", ["ruff", "format", "."]),
        ("clang-format", ["clang-format", "-i", *_files("*.[ch]", C_FOLDERS)]),
    ]


def _files(pattern: str, folders: tuple[str, ...]) -> list[str]:
    found = (path for folder in folders for path in sorted((environment.ROOT / folder).rglob(pattern)))
    return [str(path.relative_to(environment.ROOT)) for path in found if path.suffix != ".pyi"]


def _passes(name: str, command: list[str]) -> bool:
    print(f"--- {name}", flush=True)
    program = environment.VENV / "bin" / command[0]
    first = str(program) if program.exists() else command[0]
    done = subprocess.run([first, *command[1:]], cwd=Path(environment.ROOT), env=environment.environment(), check=False)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

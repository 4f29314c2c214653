"""`make test` and `make soak`: build Polydoor if needed and run the tests against the installed package."""

import os
import shlex
import sys

import environment

SOAK_SCALE = "100"  # percent of the full counts


def main(arguments: list[str]) -> int:
    """Run pytest; its exit status is ours."""
    environment.prepare("test")
    is_soak = "--soak" in arguments
    options = ["-n", "0", "-m", "soak", "--timeout", "3600"] if is_soak else ["-n", os.environ.get("JOBS") or "2"]
    variables = {"SCALE": SOAK_SCALE} if is_soak and not os.environ.get("SCALE") else {}
    options += shlex.split(os.environ.get("ARGS", ""))
    return environment.run(environment.PYTHON, "-m", "pytest", *options, **variables)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

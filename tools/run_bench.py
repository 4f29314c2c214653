"""`make bench`: build Polydoor if needed and run benchmarks/run.py in its environment."""

import os
import shlex
import sys

import environment


def main() -> int:
    """Hand over; the exit status is that of the benchmark."""
    environment.prepare("test")
    return environment.run(environment.PYTHON, "benchmarks/run.py", *shlex.split(os.environ.get("ARGS", "")))


if __name__ == "__main__":
    sys.exit(main())

"""`make bench` and `make bench-full`: build Polydoor if needed and run benchmarks/run.py in its environment."""

import os
import shlex
import sys

import environment


def main() -> int:
    """Hand over; the exit status is that of the benchmark."""
    environment.prepare()  # the other servers have an environment of their own
    options = [*sys.argv[1:], *shlex.split(os.environ.get("ARGS", ""))]
    return environment.run(environment.PYTHON, "benchmarks/run.py", *options)


if __name__ == "__main__":
    sys.exit(main())

"""Starts bjoern, which has no command line: MODULE HOST PORT."""

import importlib
import sys

if __name__ == "__main__":
    module, host, port = sys.argv[1:]
    importlib.import_module("bjoern").run(importlib.import_module(module).application, host, int(port))

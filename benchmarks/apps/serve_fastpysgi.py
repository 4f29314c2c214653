"""Starts FastPySGI with several processes, which its command line does not offer: MODULE HOST PORT PROCESSES."""

import importlib
import sys

if __name__ == "__main__":
    module, host, port, processes = sys.argv[1:]
    application = importlib.import_module(module).application
    importlib.import_module("fastpysgi").run(application, host, int(port), workers=int(processes))

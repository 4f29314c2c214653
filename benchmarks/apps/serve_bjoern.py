"""Starts bjoern, which has no command line: MODULE HOST PORT [PROCESSES]."""

import importlib
import os
import sys

if __name__ == "__main__":
    module, host, port, *more = sys.argv[1:]
    bjoern = importlib.import_module("bjoern")
    application = importlib.import_module(module).application
    bjoern.listen(application, host, int(port))
    for _ in range(1, int(*more or ["1"])):
        if os.fork() == 0:  # the processes share the socket, as its documentation has it
            break
    bjoern.run()

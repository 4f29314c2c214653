"""Starts flup, which has no command line: MODULE DOOR ADDRESS. Its threads have no limit, as shipped."""

import importlib
import sys

SERVERS = {"fastcgi": "flup.server.fcgi", "scgi": "flup.server.scgi", "ajp": "flup.server.ajp"}

if __name__ == "__main__":
    module, door, address = sys.argv[1:]
    host, _, port = address.rpartition(":")
    where = address if "/" in address else (host, int(port))
    application = importlib.import_module(module).application
    importlib.import_module(SERVERS[door]).WSGIServer(application, bindAddress=where).run()

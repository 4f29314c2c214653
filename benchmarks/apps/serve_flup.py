"""Starts flup, which has no command line: MODULE DOOR ADDRESS [threads|fork NUMBER].

Its threads have no limit, as shipped; `threads` gives them one, `fork` has so many processes instead.
"""

import importlib
import sys

SERVERS = {"fastcgi": "flup.server.fcgi", "scgi": "flup.server.scgi", "ajp": "flup.server.ajp"}

if __name__ == "__main__":
    module, door, address, *more = sys.argv[1:]
    host, _, port = address.rpartition(":")
    where = address if "/" in address else (host, int(port))
    application = importlib.import_module(module).application
    how, number = more or ("", "0")
    limits = {"threads": ("minSpare", "maxSpare", "maxThreads"), "fork": ("minSpare", "maxSpare", "maxChildren")}
    options = dict.fromkeys(limits.get(how, ()), int(number))
    server = importlib.import_module(SERVERS[door] + "_fork" * (how == "fork")).WSGIServer
    server(application, bindAddress=where, **options).run()

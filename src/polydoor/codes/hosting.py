"""PD078x: the daemon behind the CGI stub, and what sets the stub up. The package's own text explains the table."""

DAEMON_LEAVES = "PD0780"
"""The daemon behind the CGI stub ends by itself

Nobody has used it for idle-timeout, fewer came than exec-below is worth, or a file has changed. This is no fault: the
next request starts another one.
-> Nothing is to be done.
"""

FEWER_THREADS = "PD0781"
"""The daemon runs with fewer threads

The system refused one: shared hosts count the threads of an account as processes. It serves with those it has got.
-> Put "-t", "1" into `options`, or ask the host for more processes.
"""

SOCKET_TAKEN = "PD0782"
"""The socket or the lock file of a daemon is not its own any more

Somebody has removed it, such as a program that tidies /tmp up, or put another one there. Nobody can connect to this
daemon, or find it by its lock, so it ends; the next request starts another one.
-> Name a `state` directory that nobody tidies up.
"""

NO_STUB = "PD0783"
"""Not started by the CGI stub

`polydoor cgi daemon` is what polydoor-cgi executes, with a listening socket and a lock file as descriptors 3 and 4.
-> Let a web server start polydoor-cgi; `polydoor cgi init` sets it up.
"""

NOT_OURS = "PD0784"
"""A file is in the way

`polydoor cgi init` writes over nothing that it has not written itself, and over nothing that was changed since.
-> Look at the file. Give another name, move it away, or add --force, which keeps the old one beside it.
"""

UNSAFE_SETUP = "PD0785"
"""The CGI stub would be set up unsafely

A directory or a value could be read or changed by others, or fetched by anybody; the message says which.
-> Change what the message names.
"""

KEPT_LOCK = "PD0786"
"""The lock of a daemon is held by somebody else

The process that the lock file names as the daemon is no more, or does not get ready, yet its lock is not free: most
likely a child of the application, forked by a library in C, has kept it. So nobody knows whom to stop.
-> See which process has the lock file open (fuser, lsof), and end that.
"""

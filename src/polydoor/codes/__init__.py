"""The stable codes of all messages: PD0001 and on. Imports nothing but its own parts.

Each code stands in front of the serious lines that Polydoor writes, in the log and on the terminal, so that a search
finds the line, this table and docs/reference/codes.md, which tools/gen_codes.py makes from it. A number is never
given to another meaning, nor used again.

    PD00xx  command line, configuration, commands PD03xx  life of the process
    PD01xx  loading the application                PD04xx  the application, and its responses
    PD02xx  sockets                                PD05xx, PD06xx  refused requests; PD07xx  gateway protocols

The text below a code is its row: a title, what happened, and behind the arrow what to do. It costs a serving process
nothing, as the compiler drops it. Codes that the core writes are numbered in C; `engine`, `gateways` and `answers`
hold their texts.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from polydoor.codes.commands import *  # noqa: F403
    from polydoor.codes.hosting import *  # noqa: F403
    from polydoor.codes.pools import *  # noqa: F403

PARTS = ("commands", "pools", "hosting")


def __getattr__(name: str) -> str:
    """A code of a part, which a process that serves does without until it needs one."""
    for part in PARTS if name.isupper() else ():
        __import__(f"{__name__}.{part}")
        code: str | None = getattr(sys.modules[f"{__name__}.{part}"], name, None)
        if code is not None:
            return code
    raise AttributeError(f"there is no code {name}", name=name, obj=sys.modules[__name__])


# --- PD00xx: command line, configuration (the others are in commands.py) ----------------------------------------------

BAD_CONFIGURATION = "PD0001"
"""The command line or the configuration is wrong

Something that was asked for cannot be done; the message says what.
-> Correct what the message names.
"""

# --- PD01xx: loading the application ----------------------------------------------------------------------------------

BAD_APP_NAME = "PD0100"
"""Not the name of an application

What stands for the application is neither a module nor a file, or an attribute is missing behind the colon.
-> Write module:attr, module:factory() or path/file.py:attr.
"""

MODULE_MISSING = "PD0101"
"""The module of the application cannot be found

No folder on Python's path holds it. The current folder is looked in first.
-> Start in the folder that holds the module, or name the folder in PYTHONPATH. Check the spelling.
"""

FILE_MISSING = "PD0102"
"""The file of the application cannot be found

The path leads nowhere, or to something that is not a file.
-> Correct the path. It counts from the current folder.
"""

IMPORT_FAILED = "PD0103"
"""The application's own code fails while it is imported

The module was found and raised an exception. The traceback shows the application's frames.
-> Correct the line that the message names. `python -c "import MODULE"` shows the same.
"""

SYNTAX_ERROR = "PD0104"
"""The application is not valid Python

A file of the application cannot be compiled by this version of Python.
-> Correct the line that is shown; check that this is the version of Python that the code was written for.
"""

IMPORT_INSIDE = "PD0105"
"""The application imports something that is not there

The application's module was found. One of its own imports was not.
-> Install the missing package into the environment that Polydoor runs in, or correct the import.
"""

CIRCULAR_IMPORT = "PD0106"
"""Modules import each other

A module was used before it had finished: it imports another one, which imports the first.
-> Move one of the imports into the function that needs it, or what both need into a third module.
"""

IMPORT_EXITED = "PD0107"
"""The application ends the process while it is imported

Its code calls sys.exit() or raises SystemExit, as a script does at its end.
-> Put what should only run as a script below `if __name__ == "__main__":`.
"""

ATTRIBUTE_MISSING = "PD0108"
"""The module has no such attribute

The module was imported, but it holds no application of that name, or neither `application` nor `app`.
-> Name the attribute behind a colon, as in shop:create_app().
"""

NOT_CALLABLE = "PD0109"
"""The application cannot be called

A WSGI application is something that can be called. What was found is not.
-> Name the application itself.
"""

IS_FACTORY = "PD0110"
"""A function that makes the application was named as the application

It cannot be called with environ and start_response.
-> Add parentheses: shop:create_app() calls it once and serves what it returns.
"""

IS_CLASS = "PD0111"
"""A class was named as the application

Calling it makes an instance, which WSGI takes for the response. That only works if instances can be iterated over.
-> Name an instance, or add parentheses to make one: shop:Shop().
"""

IS_ASGI = "PD0112"
"""An ASGI application was named

Polydoor serves WSGI. An ASGI application is a coroutine and takes other arguments.
-> Name the WSGI application (in Django: wsgi.py, not asgi.py), or serve it by a server for ASGI.
"""

FACTORY_ARGUMENTS = "PD0113"
"""The factory needs arguments

A factory is called without arguments.
-> Give its parameters default values, or write a function without parameters that calls it.
"""

FACTORY_FAILED = "PD0114"
"""The factory raised an exception

The traceback shows where.
-> Correct the line that the message names.
"""

FACTORY_RESULT = "PD0115"
"""The factory did not return an application

What it returned cannot be called.
-> Check that the factory ends with `return app`.
"""

DESCRIPTORS_CLOSED = "PD0116"
"""The application closed descriptors of the server

While it was loaded, or in a request, it closed every descriptor that it could, as programs do that go into the
background. Without them the process cannot go on, and ends.
-> Take the call, mostly os.closerange(), out of it: a server runs in the foreground, and what a program started by
`subprocess` inherits is closed there (`close_fds`).
"""

# --- PD02xx: sockets (what a listener may lack is numbered in core/base/notice.h) -------------------------------------

NO_LISTENER = "PD0200"
"""An address cannot be listened on

The message says why.
-> Correct what the message names.
"""

BACKLOG_CAPPED = "PD0231"
"""The kernel makes the backlog shorter

net.core.somaxconn is smaller than --backlog, and the kernel takes the smaller one.
-> Raise it as root, `sysctl net.core.somaxconn=2048`, or set --backlog to what the kernel allows.
"""

SOCKET_UNUSED = "PD0232"
"""A socket that systemd passed is not served

LISTEN_FDS names more sockets than the addresses ask for, or it is meant for another process. Who connects there waits.
-> Add `-b fd://NAME`, or leave out all addresses, which serves whatever is passed. A script starts Polydoor by `exec`.
"""

NO_SUCH_SOCKET = "PD0233"
"""No such socket was passed

An address such as fd://web asks for a socket by its name, and systemd passed none of that name; or LISTEN_FDS counts
descriptors that are not open.
-> Set FileDescriptorName= in the .socket unit, and start the service together with it.
"""

# --- PD03xx: the life of the process ----------------------------------------------------------------------------------

CANNOT_START = "PD0301"
"""The server cannot start

Memory, descriptors or something else that the operating system gives is missing.
-> Look at the limits of the service or container: memory, open files, processes.
"""

NO_THREAD = "PD0302"
"""A thread cannot be started

The operating system refused one.
-> Lower --threads, or raise the limit of processes (ulimit -u, or TasksMax and pids.max of the service).
"""

NO_SPILL = "PD0303"
"""No folder for spill files works

Large request bodies cannot be put into a file, so they are streamed to the application while they arrive.
-> Name a folder that can be written to with --spill-dir.
"""

FEW_DESCRIPTORS = "PD0304"
"""Fewer connections than asked for

Each connection takes a descriptor, and the process may have fewer than --max-connections asks for.
-> Raise the limit (ulimit -n, or LimitNOFILE of the service), or lower --max-connections.
"""

STOPPED_AT_ONCE = "PD0305"
"""Open requests were cut

SIGQUIT or a second Ctrl-C asked for it. What was cut is told by PD0316 and PD0317.
-> If clients need their requests finished, stop by SIGTERM and wait.
"""

THREADS_LEFT = "PD0306"
"""Threads were left behind

Application code did not return in time after the server was told to stop, and the process ended without it: a request,
a thread that the application has started, or a function of atexit.
-> Give the calls that wait (database, other services) a timeout; make the application's own threads daemon threads;
raise --drain-timeout.
"""

OWN_DEFECT = "PD0307"
"""A defect of Polydoor

Something happened inside Polydoor that should not be possible.
-> Please report it with the lines below the message.
"""

CANNOT_NOTIFY = "PD0320"
"""systemd cannot be told how the service is

NOTIFY_SOCKET names a socket that takes no datagrams. A unit of Type=notify will be taken for one that failed to start.
-> Check that the service may reach the socket, also inside a chroot or container; or use Type=exec.
"""

IDLE_STOPPED = "PD0321"
"""The server ended because nobody used it

No request came for as long as --idle-stop says. This is no fault: the exit status is 0.
-> Let systemd hold the socket and start the service again with the next request, or leave --idle-stop out.
"""

SIGNAL_TAKEN = "PD0322"
"""The application set what a signal should do

While it was loaded it installed a handler for a signal that belongs to the server. The server has taken it back.
-> Leave the signals alone; what is to be done at the end goes into atexit.register().
"""

SIGNAL_UNHEARD = "PD0323"
"""A signal changed nothing

SIGHUP, SIGUSR2, SIGTTIN or SIGTTOU came to a process that serves alone, and it goes on serving. With --workers there is
a supervisor, which reloads, and changes the number of processes.
-> Start the server with --workers, or restart it to load new code or settings.
"""

INTERPRETER_STUCK = "PD0330"
"""Something held the interpreter's lock, and the process ended

For --gil-timeout no other thread could run Python. As a rule a C extension computes or waits without letting go of the
lock; it may also be a deadlock. All open requests were answered 504 or 503, the stacks of all threads follow, and the
process ends with status 6. The thread whose native stack does not wait for the lock is the one that holds it.
-> Look in the stacks which call it is, and report it to its makers. Raise --gil-timeout if that call may take so long.
Let what starts the server start it again (Restart=on-failure of systemd).
"""

ENDING_AFTER_TIMEOUT = "PD0331"
"""The process ends, because a request was interrupted

An exception that comes out of nowhere may leave locks, connections and data of the application in any state, so a
process in which that was done is not used any longer. The other requests are finished; the exit status is 5.
-> Let what starts the server start it again (Restart=on-failure of systemd).
"""

# --- PD04xx: the application, and its responses (the core's are numbered in core/base/notice.h and codec/reason.h) ----

APP_FAILED = "PD0401"
"""The application raised an exception

The client was answered 500, or its response was broken off if it had begun. The traceback follows.
-> Correct the application.
"""

CLOSE_FAILED = "PD0402"
"""close() of a response raised an exception

The response had been sent. The traceback follows.
-> Correct the close() method of what the application returned.
"""

FILE_FIELD_DROPPED = "PD0410"
"""A header field by which a front end sends a file was left out

X-Accel-Redirect, X-Sendfile and their kin make a front end send a file of its own choice in place of the response. Who
could put such a field into a response could read files of the front end, so they are left out unless they are allowed.
-> If the application means it, add `sendfile=app` behind the address, as in `-b 'http://127.0.0.1:8000?sendfile=app'`.
To have files of `wsgi.file_wrapper` sent by the front end, add `sendfile=` and their folder.
"""

REQUEST_INTERRUPTED = "PD0411"
"""The application was interrupted in a request

The request had passed --request-timeout and was answered (PD0408). The stack shows where its thread was; there the
application gets the exception polydoor.RequestTimeout, as soon as it runs Python again.
-> Look in the stack what took so long. Give calls that wait (database, other services) a timeout below that.
"""

REQUEST_LEFT = "PD0412"
"""The application has left a request that was interrupted

The exception has ended the call, and its thread is free.
-> Nothing is to be done; PD0411 with the same id shows what took so long.
"""

# --- PD07xx: gateway protocols (the core's are numbered in core/codec/reason.h) ---------------------------------------

CANNOT_AUTHENTICATE = "PD0730"
"""The secret of a listener cannot be had

The variable is not set, or the file cannot be read, is empty, or holds more than one line.
-> Set the variable where the server is started, or correct the file or its owner.
"""

NO_CGI_REQUEST = "PD0771"
"""Started as CGI without a request

`polydoor cgi` is started by a web server for one request, which stands in the environment. There is none.
-> Let a web server start it. To try it by hand: REQUEST_METHOD=GET REQUEST_URI=/ polydoor cgi APP.
"""

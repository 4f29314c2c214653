"""PD034x to PD036x: workers and their supervisor. The package's own text explains the table."""

WORKER_ENDED = "PD0340"
"""A worker ended that nobody had asked to

Its process was killed, crashed, or was ended by the application. The requests that it had accepted are lost, and seen
as broken by those who asked; the other workers are not touched, and another one is started.
-> Look at what the application wrote before, or at the kernel's log for the OOM killer.
"""

WORKER_NOT_READY = "PD0341"
"""A worker did not become ready

It was started in the place of one that had ended or was to be replaced, and the application could not be loaded, or
took longer than --boot-timeout. It is tried again after a while, which becomes longer each time.
-> Correct what the message names; a reload tries at once.
"""

RELOAD_FAILED = "PD0342"
"""A reload changed nothing

The first worker with the new code did not become ready. All old workers serve on.
-> Correct what the message names, and reload again.
"""

CANNOT_FORK = "PD0343"
"""The system makes no further process

The limit of processes is reached, or memory is. It is tried again after a while; the other workers are not touched.
-> Raise the limit with ulimit -u, TasksMax of the service or pids.max of the container, or lower --workers.
"""

NO_PRELOAD = "PD0346"
"""The application cannot be loaded ahead of its workers

It starts threads when it is loaded, and no fork would have them. So every worker loads the application for itself, as
without --preload.
-> Start the threads when the first request comes, or leave --preload out.
"""

NEEDS_RESTART = "PD0345"
"""A changed setting waits for a restart

A reload reads the configuration anew. What the supervisor itself has used at the start, such as the addresses, it
keeps; everything else applies to the new workers.
-> Restart the server to have it applied.
"""

UPGRADE_FAILED = "PD0347"
"""There was no upgrade

SIGUSR2 asked for one. A child tried the new program, and it could not load the configuration or the application, or
took longer than --boot-timeout. Nothing has changed: this program and its workers serve on.
-> Correct what the child said, and send SIGUSR2 again.
"""

WORKER_OVERDUE = "PD0348"
"""A worker that was to end did not, and is killed

It had its time to finish what it had, and three seconds more. What still runs in it is lost: a request that takes
longer than --drain-timeout, a thread of the application that is no daemon thread, or what is registered with atexit.
-> Make such threads daemon threads, give what the application waits for a timeout, or raise --drain-timeout.
"""

CANNOT_SIGNAL = "PD0349"
"""The supervisor may not send a signal to its worker

With --user the workers belong to another user, and the container or the service has taken from root the right to
signal them and the right to become that user.
-> Give it CAP_KILL.
"""

SUPERVISOR_GONE = "PD0344"
"""The supervisor of this worker is gone

It was killed. The worker takes no further connection, finishes what it has, and ends.
-> Start the service again; find out who killed the supervisor, such as the kernel's OOM killer.
"""

WORKER_SPENT = "PD0350"
"""A worker has reached a limit, and is replaced

The message says which one: --max-requests, --max-lifetime, --max-memory or --max-cpu. Its successor is started first;
nothing is lost.
-> Nothing, if it does not happen often. A worker that grows fast tells of a leak in the application.
"""

WORKER_SILENT = "PD0351"
"""A worker does not live any more, and is killed

Its main thread, which runs nothing of the application, has not moved for 3 s more than --gil-timeout, while the
supervisor's own clock went on: the process was stopped by SIGSTOP, a debugger or a freezer, or it hangs. The requests
that it had are lost, and seen as broken; another worker is started at once.
-> Find out who stopped it. --gil-timeout 0 lets workers stand still for as long as they like.
"""

LIMIT_TOO_LOW = "PD0352"
"""A worker has more memory than --max-memory from the start

Replacing it would not help, so the limit is without effect on workers that are as large when they are ready. Told once.
-> Raise --max-memory.
"""

NO_CONTROL_SOCKET = "PD0355"
"""The control socket cannot be made

It was asked for, and there is no place for it: the folder is missing, may not be written to, or lies on a file system
without sockets. The server serves without it.
-> Name a path in a folder of this user, or leave --control out.
"""

NO_CONTROL = "PD0356"
"""Nothing says where the control socket is

`polydoor status`, `reload` and `stop` reach a server through its control socket, which there is only where it was
asked for.
-> Put `control = "PATH"` into polydoor.toml, or set POLYDOOR_CONTROL, for the server and for these commands; or give
--control PATH to both.
"""

NO_SERVER = "PD0357"
"""No server answers at the control socket

None runs, it was started without this control socket or with another one, it belongs to another user, or it ended
before it had answered.
-> See that the server runs, and with which control socket; use the same working directory or an absolute path.
"""

NO_PID_FILE = "PD0358"
"""The pid file cannot be written

Its folder is missing or may not be written to, or something that is not a file is in its place. Nothing is served, as
whoever reads the file would signal another process, or none.
-> Name a file in a folder that this user may write to, or leave --pid out.
"""

PID_FILE_TAKEN = "PD0359"
"""The pid file belongs to a server that runs

Another server has written it and lives. What a server that was killed has left is taken over without a word.
-> Stop the other one, or give each its own file.
"""

NO_SUCH_USER = "PD0365"
"""There is no such user or group

The machine, or the container, does not know the name that --user or --group gives.
-> Correct the name, make the account, or give a number, which needs no account.
"""

NEEDS_ROOT = "PD0366"
"""Only root can become another user

--user or --group names another user or group than the one that started the server.
-> Start it as root, or leave the setting out and start it as that user.
"""

RIGHTS_KEPT = "PD0367"
"""Rights could not be given up

The system refused to change the user, or some right of before was left afterwards. The application was not loaded.
-> Give the container or the service CAP_SETUID and CAP_SETGID, or start the server as that user.
"""

RIGHTS_TOO_FEW = "PD0368"
"""The user cannot read the installation

The user that --user names may not read Python or Polydoor, such as when they are installed below /root.
-> Install them where that user may read them, or let it enter the folders above.
"""

APP_NOT_READY = "PD0369"
"""The application does not answer as --ready asks

It was loaded, and then answered the GET of that path with a status of 400 or more, raised an exception, or took longer
than --boot-timeout. Nobody was served by it; at a reload the old workers serve on.
-> Correct what the message names. Where the application serves certain hosts alone, write --ready //HOST/PATH.
"""

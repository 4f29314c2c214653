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

NEEDS_RESTART = "PD0345"
"""A changed setting waits for a restart

A reload reads the configuration anew. What the supervisor itself has used at the start, such as the addresses, it
keeps; everything else applies to the new workers.
-> Restart the server to have it applied.
"""

SUPERVISOR_GONE = "PD0344"
"""The supervisor of this worker is gone

It was killed. The worker takes no further connection, finishes what it has, and ends.
-> Start the service again; find out who killed the supervisor, such as the kernel's OOM killer.
"""

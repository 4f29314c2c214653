# fork.pxi - a forked child has copies of our memory and descriptors, but none of our threads: it leaves them alone.
import os
import sys

cdef extern from *:
    """
    #ifdef __linux__
    #include <signal.h>
    #include <sys/prctl.h>
    static int adopt_orphans_here(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL); }
    static void end_with_parent_here(int on) { prctl(PR_SET_PDEATHSIG, on ? (unsigned long)SIGKILL : 0UL); }
    #else
    static int adopt_orphans_here(void) { return -1; }
    static void end_with_parent_here(int on) { (void)on; }
    #endif
    """
    int adopt_orphans_here()
    void end_with_parent_here(int on)


cdef extern from *:
    """
    #ifdef __GLIBC__
    #include <malloc.h>
    static void give_memory_back_here(void) { malloc_trim(0); }
    #else
    static void give_memory_back_here(void) { }
    #endif
    """
    void give_memory_back_here() nogil


def give_memory_back():
    """Return to the system what loading modules has used and nothing uses any more."""
    with nogil:
        give_memory_back_here()


def adopt_orphans():
    """Become the parent of each process below this one that loses its own; False where the system has no such thing."""
    return adopt_orphans_here() == 0


def end_with_parent(int parent):
    """Be killed when that process, our parent, ends; False: it has. It is forgotten when the user changes.

    0: outlive it again.
    """
    end_with_parent_here(parent != 0)
    return not parent or os.getppid() == parent


cdef extern from *:
    """
    #include <stdatomic.h>
    #include <stdbool.h>
    static _Atomic bool has_forked; /* read by the engine, without the GIL */
    static void set_forked(bool forked) { atomic_store(&has_forked, forked); }
    """
    const void *has_forked_flag "(&has_forked)"
    void set_forked(bint forked)


cdef unsigned int forks = 0  # how often fork() lies between the import of this module and now


def expect_fork():
    """A child will have what is open now, and what other threads open meanwhile."""
    set_forked(True)


def note_fork():
    """In a child: whatever engine there is belongs to the parent."""
    global forks
    forks += 1
    set_forked(False)


os.register_at_fork(before=expect_fork, after_in_child=note_fork)


def end_child(error=None):
    """End a child that came back from the application: what it would go on with is its parent's."""
    status = 0
    try:
        if isinstance(error, SystemExit):
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
        elif error is not None:
            status = 1
            sys.excepthook(type(error), error, error.__traceback__)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status & 0xff)

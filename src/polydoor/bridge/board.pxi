# board.pxi - the memory in which the workers of one service tell each other, and their supervisor, how they are.
cdef extern from "sys/mman.h" nogil:
    enum:
        PROT_READ
        PROT_WRITE
        MAP_SHARED
    void *MAP_FAILED
    void *mmap(void *addr, size_t n, int protection, int flags, int fd, long offset)
    int munmap(void *addr, size_t n)


BOARD_VERSION = core.PD_BOARD_VERSION
SLOT_STATES = {core.PD_SLOT_AWAY: "away", core.PD_SLOT_PAUSED: "paused", core.PD_SLOT_ACCEPTS: "accepting"}


@cython.final
cdef class Board:
    """One slot for each worker, in memory that outlives them, and the descriptors that wake them.

    Made by the supervisor before it forks: the workers inherit it.
    """

    cdef core.pd_board *board
    cdef size_t size
    cdef int memory
    cdef bytes wakes  # an eventfd for each slot, as an array of int

    def __cinit__(self):
        self.memory = -1
        self.wakes = b""

    def __init__(self, size_t slots):
        self.size = core.pd_board_size(slots)
        if not self.size:
            raise ValueError(f"a board cannot have {slots} slots")
        if self.board != NULL:
            raise ValueError("the board is made already")
        self.memory = os.memfd_create("polydoor-board", os.MFD_CLOEXEC)
        os.ftruncate(self.memory, self.size)
        self.map_memory()
        core.pd_board_init(self.board, slots)
        for _ in range(slots):
            self.add_wake(os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))

    def __dealloc__(self):
        if self.board != NULL:
            munmap(self.board, self.size)
        cdef const int *fds = <const int *>PyBytes_AS_STRING(self.wakes)
        for i in range(<size_t>PyBytes_GET_SIZE(self.wakes) // sizeof(int)):
            close(fds[i])
        if self.memory >= 0:
            close(self.memory)

    @staticmethod
    def adopt(int fd, wake_fds):
        """Take over the descriptors of a board that an earlier program of this process made.

        ValueError: it is of another version. They are closed with the board, also then.
        """
        cdef Board board = Board.__new__(Board)
        board.memory = fd
        for wake in wake_fds:
            board.add_wake(wake)
        board.size = os.fstat(fd).st_size
        board.map_memory()
        slots = len(board.wakes) // sizeof(int)
        if not core.pd_board_is_one(board.board, board.size) or board.board.slots != slots:
            raise ValueError("the board is of another version of Polydoor")
        for kept in (fd, *wake_fds):
            os.set_inheritable(kept, False)
        return board

    cdef int map_memory(self) except -1:
        cdef void *memory = mmap(NULL, self.size, PROT_READ | PROT_WRITE, MAP_SHARED, self.memory, 0)
        if memory == MAP_FAILED:
            raise MemoryError("no memory for the board")
        self.board = <core.pd_board *>memory
        return 0

    cdef int add_wake(self, int fd) except -1:
        self.wakes += (<char *>&fd)[:sizeof(fd)]
        return 0

    cdef int check(self, uint32_t slot) except -1:
        if self.board == NULL or slot >= self.board.slots:
            raise IndexError(f"the board has no slot {slot}")
        return 0

    @property
    def fds(self):
        """The descriptor of the memory, and those that wake the workers."""
        cdef const int *fds = <const int *>PyBytes_AS_STRING(self.wakes)
        return self.memory, tuple([fds[i] for i in range(<size_t>len(self.wakes) // sizeof(int))])

    @property
    def slots(self):
        """How many workers there can be."""
        return 0 if self.board == NULL else self.board.slots

    @property
    def watcher(self):
        """The slot whose turn it is to watch the listeners; None: nobody's."""
        return self.board.watcher if self.slots and self.board.watcher < self.board.slots else None

    def read(self, uint32_t slot):
        """Return what the worker of a slot told last. Times are milliseconds of time.monotonic(), 0: none."""
        self.check(slot)
        cdef core.pd_slot *s = &self.board.slot[slot]
        return {"pid": s.pid, "worker": s.worker, "state": SLOT_STATES.get(s.state, "away"), "threads": s.threads,
                "idle": s.idle, "running": s.running, "suspended": s.suspended, "ready": s.ready,
                "connections": s.connections, "busy": s.busy, "requests": s.requests, "begun": s.begun,
                "refused": s.refused, "dropped": s.dropped, "oldest_ms": s.oldest_ms, "last_ms": s.last_ms,
                "beats": s.beats, "silent": s.silent}

    def beat(self, uint32_t slot):
        """Count a beat of the worker's main thread."""
        self.check(slot)
        core.pd_board_beat(self.board, slot)

    def silence(self, uint32_t slot):
        """Say that nothing is heard of a worker: others accept, where there are any, until Engine.beat() is called."""
        self.check(slot)
        if core.pd_board_silence(self.board, slot):
            self.wake()

    def clear(self, uint32_t slot):
        """Take away what a worker has left that is no more, and let the others see whose turn it is now."""
        self.check(slot)
        core.pd_board_clear(self.board, slot)
        self.wake()

    def wake(self):
        """Let every worker look at the board."""
        for fd in self.fds[1]:
            try:
                os.eventfd_write(fd, 1)
            except BlockingIOError:
                pass  # it is awake

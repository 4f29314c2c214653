# engine.pxi - the engine as Python sees it, and the life of an app thread.
from libc.stdlib cimport free, malloc
from posix.unistd cimport close


cdef extern from "sys/socket.h" nogil:
    int AF_UNIX, SOCK_STREAM, SOCK_SEQPACKET, SOCK_CLOEXEC, SOCK_NONBLOCK
    int socketpair(int domain, int type, int protocol, int *ends)


def handover_pair():
    """Make the two ends between which workers pass connections on; `socket` would cost each of them half a megabyte."""
    cdef int[2] ends
    if socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0:
        PyErr_SetFromErrno(OSError)
    return ends[0], ends[1]


cdef bint calls_take_turns():
    """Whether only one thread at a time can run Python."""
    return not hasattr(sys, "_is_gil_enabled") or sys._is_gil_enabled()


LOOP = "epoll"  # which back end of the loop the engine is made with, see __cinit__


@cython.no_gc_clear
cdef class Engine(LateCalls):
    """One engine: its listeners, connections and ready queue."""

    cdef dict settings
    cdef unsigned int forks  # it serves the process that made it
    cdef readonly bint runs_once  # one request, and then no other
    cdef dict file_maps  # by the number in a listener's port, which is never 0; None: there are none
    cdef Board board  # of the service that it has joined; must outlive `engine`
    cdef int adopted  # the other end of the one connection that is served, instead of listeners; -1: none

    def __cinit__(self, settings):
        cdef core.pd_config config = core.PD_CONFIG_DEFAULT
        cdef const char *spill_dir = NULL
        self.settings = dict(settings)
        self.forks = forks
        self.adopted = -1
        fill_config(&config, settings)
        wanted = os.fsencode(settings["spill_dir"])
        if wanted:
            spill_dir = PyBytes_AS_STRING(wanted)
        self.engine = core.pd_engine_new(&config, spill_dir, core.PD_LOOP_EPOLL, NULL)
        if self.engine == NULL:
            raise OSError("the engine cannot be made: no memory or no descriptors")

    def __dealloc__(self):
        if self.engine != NULL and self.forks == forks:
            core.pd_engine_free(self.engine)

    def keep_policies(self):
        """Change the scheduling policy of no thread; before there is any."""
        core.pd_engine_keep_policies(self.engine)

    @property
    def log_fd(self):
        """Readable when take_log() has something."""
        return core.pd_engine_log_fd(self.engine)

    @property
    def can_spill(self):
        """False: no directory for temporary files works, so large bodies are streamed."""
        return core.pd_engine_can_spill(self.engine)

    def take_log(self):
        """Return some of the messages since the last call, one a line; nothing when all are taken."""
        cdef char text[16384]
        cdef size_t n = core.pd_engine_take_log(self.engine, text, sizeof(text))
        return text[:n]

    def say(self, text, goes_on=False):
        """Add lines to the messages, from any thread; in a forked child, write them.

        They begin on a line of their own, unless `goes_on` says that the text follows one that did not end its line.
        """
        data = text.encode("utf-8", "backslashreplace")
        if self.forks == forks and goes_on:
            core.pd_engine_say_more(self.engine, bytes_slice(data))
        elif self.forks == forks:
            core.pd_engine_say(self.engine, bytes_slice(data))
        else:
            os.write(2, data)

    def stats(self):
        """Return the engine's counters."""
        cdef core.pd_stats s
        core.pd_engine_stats(self.engine, &s)
        return {"requests": s.requests, "refused": s.refused, "connections": s.connections, "ready": s.ready,
                "running": s.running, "dropped": s.dropped, "resets": s.resets,
                "begun": s.begun, "busy": s.busy, "overdue": s.overdue, "suspended": s.suspended}

    def listen(self, spec):
        """Open one listener and return its real address; OSError holds a readable message."""
        return self.listen_or_check(spec, False)

    def check_listener(self, spec):
        """Raise what listen() would raise, as far as that can be seen without opening anything."""
        self.listen_or_check(spec, True)

    def check_access_log(self, path):
        """Raise OSError if open_access_log() could not open the absolute path; nothing is made there."""
        cdef char error[512]
        if not core.pd_access_check(os.fsencode(path), error, sizeof(error)):
            raise OSError(error.decode("utf-8", "backslashreplace"))

    cdef object listen_or_check(self, object spec, bint only_check):
        cdef Opening opening = Opening(spec, self.settings["backlog"], listener_secret(spec))
        cdef char name[160]
        cdef char error[512]
        if only_check:
            if not core.pd_listener_check(&opening.config, NULL, error, sizeof(error)):
                raise OSError(error.decode("utf-8", "backslashreplace"))
            return None
        opening.port.file_map = self.add_file_map(spec)
        if not core.pd_engine_listen(self.engine, &opening.config, &opening.port, name, sizeof(name),
                                     error, sizeof(error)):
            raise OSError(error.decode("utf-8", "backslashreplace"))
        return listener_url(spec["protocol"], name.decode("utf-8", "surrogateescape"))

    cdef unsigned add_file_map(self, object spec) except? 0:
        """The number of a new map of files that the front end sends; 0: there is nothing for one."""
        folders = [word for word in spec["sendfile"] if word.startswith("/")]
        if not folders:
            return 0
        from polydoor.bridge.file_map import FileMap

        if self.file_maps is None:
            self.file_maps = {}
        number = len(self.file_maps) + 1
        self.file_maps[number] = FileMap(folders, spec["profile"])
        return number

    def adopt(self, spec):
        """Serve the one request that run_relay() will pass on, as `spec` says."""
        cdef core.pd_listener_config config
        cdef core.pd_port port
        cdef int[2] ends
        mount = spec["mount"].encode("latin-1")
        memset(&port, 0, sizeof(port))
        core.pd_listener_config_init(&config)
        fill_listener(&config, &port, spec, 0)
        port.site.mount = bytes_slice(mount)
        if socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0:
            raise OSError("no descriptors for the connection")
        if not core.pd_engine_adopt(self.engine, ends[0], &port):
            close(ends[1])
            raise MemoryError("no memory for the connection")
        self.adopted = ends[1]
        self.runs_once = True

    def join(self, Board board not None, uint32_t slot, handover_fds=(-1, -1), uint32_t worker=0):
        """Become one of several workers that share listening sockets; before the first thread runs.

        `handover_fds` are the ends of a SOCK_SEQPACKET pair that all of them have: idle connections pass from the
        second to the first. `worker` is the number that the supervisor knows this one by.
        """
        cdef core.pd_join join
        board.check(slot)
        if self.board is not None:
            raise ValueError("the engine has joined already")
        wakes = board.wakes
        join.board = board.board
        join.slot = slot
        join.worker = worker
        join.wake_fds = <const int *>PyBytes_AS_STRING(wakes)
        join.receive_fd, join.send_fd = handover_fds
        if not core.pd_engine_join(self.engine, &join):
            raise OSError("the engine cannot join the others: no memory or no descriptors")
        self.board = board

    def retire(self, uint64_t drain_ms):
        """Leave the other workers and drain: the backlog and idle connections are theirs. From any thread."""
        if self.forks == forks:
            with nogil:
                core.pd_engine_retire(self.engine, drain_ms)

    def run_relay(self, environment, body, source, sink):
        """Be the thread that stands between the connection and two descriptors; returns when the response is over.

        `environment` is sent first, then `body` bytes that are read from `source`; the response is written to `sink`.
        True: all of the response was written.
        """
        cdef core.pd_relay *relay = <core.pd_relay *>malloc(sizeof(core.pd_relay))
        cdef core.pd_relay_end end
        cdef core.pd_stats s
        if relay == NULL:
            raise MemoryError("no memory for the relay")
        core.pd_relay_init(relay, NULL, source, sink, self.adopted, bytes_slice(environment), body)
        self.adopted = -1
        with nogil:
            end = core.pd_relay_run(relay)
            core.pd_engine_stats(self.engine, &s)
            core.pd_engine_stop(self.engine, 0)
        whole = end == core.PD_RELAY_DONE and relay.written and not s.resets
        free(relay)
        return bool(whole)

    def run_thread(self, app, extra, page=None):
        """Serve requests on this thread, with `extra` in each environ; returns when the engine has stopped.

        `page(environ, error)` gives Content-Type and body of the answer to an error of the application.
        """
        cdef core.pd_thread *t = core.pd_thread_new(self.engine)
        cdef core.pd_exchange *x
        cdef EnvironMaker maker
        cdef bint takes_turns = calls_take_turns()
        cdef Window window = Window()
        cdef ErrorStream errors = ErrorStream(self.say)
        if t == NULL:
            raise MemoryError("no memory for an app thread")
        self.windows.append(window)
        core.pd_thread_set_tag(t, <void *>window)
        try:
            maker = EnvironMaker(dict(extra) | {
                "SERVER_SOFTWARE": f"polydoor/{__version__}",
                "wsgi.version": (1, 0),
                "wsgi.url_scheme": "http",
                "wsgi.errors": errors,
                "wsgi.multithread": self.settings["threads"] > 1,
                "wsgi.multiprocess": self.runs_once,
                "wsgi.run_once": self.runs_once,
                "wsgi.file_wrapper": FileWrapper,
                "wsgi.input_terminated": True,
            })
            maker.file_maps = self.file_maps
            maker.roams = self.settings["resume"] == "any"
            while True:
                with nogil:
                    x = core.pd_engine_next(t)
                if x == NULL:
                    break
                if takes_turns:
                    core.pd_engine_begins(t)
                if core.pd_exchange_was_suspended(x):
                    serve_on(maker, window, t, x)
                else:
                    serve(app, page, maker, window, t, x)
                errors.end_line()
                if takes_turns:
                    core.pd_engine_ends(t)
        finally:
            if maker is not None:
                maker.contexts.end()
            errors.end_line()
            errors.say = None
            core.pd_thread_free(t)

    def open_access_log(self, form, path, buffer, exclude):
        """Log each request, to `path` or to standard output; OSError holds a readable message."""
        cdef core.pd_access_config config
        cdef char error[512]
        memset(&config, 0, sizeof(config))
        paths = [os.fsencode(text) for text in exclude]
        slices = b"".join([pack_slice(path) for path in paths])
        name = os.fsencode(path)
        config.form = ACCESS_FORMS[form]
        config.path = PyBytes_AS_STRING(name) if name else NULL
        config.fd = 1
        config.buffer = buffer
        config.exclude = <const core.pd_slice *>PyBytes_AS_STRING(slices)
        config.nexclude = <size_t>len(paths)
        if not core.pd_engine_open_access_log(self.engine, &config, error, sizeof(error)):
            raise OSError(error.decode("utf-8", "backslashreplace"))

    def run_access_log(self):
        """Be the thread that writes the access log; returns after close_access_log()."""
        with nogil:
            core.pd_engine_run_access_log(self.engine)

    def close_access_log(self):
        """Let run_access_log() write what waits and return. From any thread, when no request is served any more."""
        if self.forks == forks:
            core.pd_engine_close_access_log(self.engine)

    def reopen_access_log(self):
        """Go on in a new file of the same name."""
        with nogil:
            core.pd_engine_reopen_access_log(self.engine)

    def unready(self):
        """Let health checks and responses say that the end is near; serve on. From any thread."""
        if self.forks == forks:
            core.pd_engine_unready(self.engine)

    def stop(self, uint64_t drain_ms):
        """Begin to drain; what is left after `drain_ms` is cut. From any thread; in a forked child, nothing."""
        if self.forks == forks:
            with nogil:
                core.pd_engine_stop(self.engine, drain_ms)

    def kill(self):
        """Stop at once. From any thread."""
        self.stop(0)

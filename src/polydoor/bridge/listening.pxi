# listening.pxi - listening sockets: what the core wants to know of one, and those that workers inherit.
@cython.final
cdef class Opening:
    """The description of a listener as the core takes it, with the memory that it points to."""

    cdef core.pd_listener_config config
    cdef core.pd_port port
    cdef tuple kept

    def __cinit__(self, spec, int backlog, secret):
        networks = [text for text in spec["trust_forwarded"] if text != "unix"]
        host, path, mount = spec["host"].encode(), os.fsencode(spec["path"]), spec["mount"].encode("latin-1")
        rules = pack_rules(spec["allow"])
        forwarders = pack_networks(networks)
        core.pd_listener_config_init(&self.config)
        memset(&self.port, 0, sizeof(self.port))
        fill_listener(&self.config, &self.port, spec, backlog)
        self.config.host = host
        self.config.path = path
        self.config.allow = <const core.pd_peer_rule *>PyBytes_AS_STRING(rules)
        self.config.allow_n = <size_t>len(spec["allow"])
        self.port.site.forwarders.nets = <const core.pd_net *>PyBytes_AS_STRING(forwarders)
        self.port.site.forwarders.n = <size_t>len(networks)
        self.port.site.mount = bytes_slice(mount)
        self.port.options.secret = bytes_slice(secret)
        self.kept = (host, path, mount, rules, forwarders, secret)


@cython.final
cdef class Bound:
    """A listening socket that one process binds and others inherit.

    The process that bound it guards the path of a Unix socket by a lock, and unlinks it in close(). Each worker listens
    on `{**spec, "kind": "fd", "fd": bound.fd}`, and calls leave() first.
    """

    cdef core.pd_listener listener
    cdef readonly str name  # as a banner shows it

    def __cinit__(self):
        self.listener.sys = core.pd_sys_default()
        self.listener.fd = -1
        core.pd_unix_path_init(&self.listener.path)

    @property
    def fd(self):
        """The socket; -1 when it is closed."""
        return self.listener.fd

    @property
    def fds(self):
        """All descriptors that a new program in this process needs for adopt()."""
        cdef core.pd_unix_path *p = &self.listener.path
        return tuple([fd for fd in (self.listener.fd, p.lock_fd, p.dir_fd) if fd >= 0])

    def leave(self):
        """In a forked worker: the path and its lock are the parent's affair."""
        core.pd_unix_path_fini(&self.listener.path, self.listener.sys)

    def refuse(self):
        """Before the last worker stops: from now on nobody can connect. A socket that was given stays as it is."""
        core.pd_listener_refuse(&self.listener)

    def close(self):
        """Close the socket; the process that bound it unlinks its path first."""
        core.pd_listener_close(&self.listener)

    def state(self):
        """What adopt() needs in a new program of the same process: numbers and strings."""
        cdef core.pd_unix_path *p = &self.listener.path
        numbers = (self.listener.fd, p.lock_fd, p.dir_fd, int(p.is_bound), p.dev, p.ino, self.listener.family,
                   int(self.listener.inherited))
        return (*numbers, (<bytes>p.name).decode("utf-8", "surrogateescape"), self.name)

    @staticmethod
    def adopt(state):
        """Take over what state() gave before this process executed another program."""
        cdef Bound bound = Bound.__new__(Bound)
        cdef core.pd_unix_path *p = &bound.listener.path
        bound.listener.fd, p.lock_fd, p.dir_fd, is_bound, p.dev, p.ino, bound.listener.family, *rest = state
        inherited, path, bound.name = rest
        bound.listener.inherited = bool(inherited)
        name = path.encode("utf-8", "surrogateescape")
        if len(name) >= sizeof(p.name):
            raise ValueError("the path of a socket is too long")
        memcpy(p.name, PyBytes_AS_STRING(name), len(name) + 1)
        p.is_bound = bool(is_bound)
        p.pid = os.getpid()
        for fd in bound.fds:
            os.set_inheritable(fd, False)
        return bound


def bind(spec, int backlog):
    """Open the socket of a listener and return it as a Bound; OSError holds a readable message."""
    cdef Opening opening = Opening(spec, backlog, b"")
    cdef Bound bound = Bound.__new__(Bound)
    cdef char error[512]
    if not core.pd_listener_open(&opening.config, bound.listener.sys, &bound.listener, error, sizeof(error)):
        raise OSError(error.decode("utf-8", "backslashreplace"))
    bound.listener.allow_n = 0  # the rules are for those who accept
    bound.name = listener_url(spec["protocol"], (<bytes>bound.listener.name).decode("utf-8", "surrogateescape"))
    return bound

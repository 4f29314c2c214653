# environ.pxi - the environ dictionary: prepared per thread, finished per request.

cdef object intern_text(core.pd_slice s):
    import sys
    return sys.intern(latin1(s))


# Variables that nearly every request has. The template holds them, so that a copy of it is large enough for a whole
# environ and setting them replaces a value instead of making room for a key.
cdef enum:
    USUAL_COUNT = 10

cdef int[USUAL_COUNT] USUAL = [
    core.PD_NAME_REQUEST_METHOD, core.PD_NAME_SCRIPT_NAME, core.PD_NAME_PATH_INFO, core.PD_NAME_QUERY_STRING,
    core.PD_NAME_REQUEST_URI, core.PD_NAME_SERVER_NAME, core.PD_NAME_SERVER_PORT, core.PD_NAME_SERVER_PROTOCOL,
    core.PD_NAME_REMOTE_ADDR, core.PD_NAME_HTTP_HOST,
]


@cython.final
cdef class EnvironMaker:
    """What an app thread keeps between requests: keys, the constant part, and the values seen last.

    Browsers and front ends send most values again and again, so the text made for a variable is kept and used again
    when the next request brings the same bytes. One per thread: threads share no Python object here.
    """

    cdef list keys
    cdef list values
    cdef dict template
    cdef str input_key
    cdef str gone_key
    cdef str id_key
    cdef str hints_key
    cdef str scheme_key
    cdef str length_key
    cdef bint[core.PD_NAME_COUNT] is_usual
    cdef Waiter waiter  # of the request whose environ was made last
    cdef bint roams     # requests go on on any thread: each needs a waiter of its own
    cdef Contexts contexts
    cdef dict file_maps  # of the engine, which makes it before there are threads

    def __cinit__(self, dict constant):
        cdef int i
        self.keys = [intern_text(core.pd_name_key(i)) for i in range(core.PD_NAME_COUNT)]
        self.values = [""] * core.PD_NAME_COUNT
        self.input_key = "wsgi.input"
        self.gone_key = "polydoor.client_gone"
        self.id_key = "polydoor.request_id"
        self.hints_key = "wsgi.early_hints"
        self.scheme_key = "wsgi.url_scheme"
        self.length_key = "CONTENT_LENGTH"
        self.template = {}  # grown key by key: only such a dictionary has the compact form for str keys
        for key, value in constant.items():
            self.template[key] = value
        for key in (self.input_key, self.gone_key, self.id_key, self.hints_key):
            self.template[key] = None
        self.contexts = Contexts()
        self.waiter = Waiter()
        self.waiter.enter(self.template)
        memset(self.is_usual, 0, sizeof(self.is_usual))
        for i in USUAL:
            self.is_usual[i] = True
            self.template[self.keys[i]] = None

    cdef inline object value_of(self, const core.pd_var *var):
        cdef object last = self.values[var.id]
        if (
            <size_t>PyUnicode_GET_LENGTH(last) == var.value.n
            and memcmp(PyUnicode_1BYTE_DATA(last), var.value.p, var.value.n) == 0
        ):
            return last
        last = latin1(var.value)
        self.values[var.id] = last
        return last

    cdef int drop_unset(self, dict environ) except -1:
        """Take out the usual variables that this request does not have."""
        cdef int i
        for i in USUAL:
            if environ[self.keys[i]] is None:
                del environ[self.keys[i]]
        return 0

    cdef dict make(self, Exchange ex):
        """The environ of one request (PEP 3333, "environ Variables")."""
        cdef const core.pd_request *q = core.pd_exchange_request(ex.x)
        cdef dict environ = PyDict_Copy(self.template)
        cdef const core.pd_var *var = q.vars
        cdef int usual = 0
        cdef size_t i
        cdef char request_id[core.PD_EXCHANGE_ID_SIZE]
        for i in range(q.nvars):
            if var.id == core.PD_NAME_OTHER:
                PyDict_SetItem(environ, latin1(var.name), latin1(var.value))
            else:
                usual += self.is_usual[var.id]
                PyDict_SetItem(environ, self.keys[var.id], self.value_of(var))
            var += 1
        if usual < USUAL_COUNT:
            self.drop_unset(environ)
        PyDict_SetItem(environ, self.input_key, ex.input)
        PyDict_SetItem(environ, self.gone_key, ex.client_gone)
        core.pd_exchange_id_put(ex.x, request_id)
        ex.request_id = PyUnicode_DecodeLatin1(request_id, core.PD_EXCHANGE_ID_SIZE - 1, NULL)
        PyDict_SetItem(environ, self.id_key, ex.request_id)
        if q.https:
            PyDict_SetItem(environ, self.scheme_key, "https")
        if q.content_length < 0 and q.chunked and core.pd_exchange_body_is_collected(ex.x):
            PyDict_SetItem(environ, self.length_key, str(core.pd_exchange_body_received(ex.x)))
        if core.pd_exchange_is_http(ex.x):
            PyDict_SetItem(environ, self.hints_key, ex.early_hints)
        else:
            del environ[self.hints_key]
        if self.roams:
            self.waiter = Waiter()
            self.waiter.enter(environ)
        self.waiter.running = <PyObject *>ex
        return environ

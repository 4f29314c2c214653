# environ.pxi - the environ dictionary: prepared per thread, finished per request.

cdef object intern_text(core.pd_slice s):
    import sys
    return sys.intern(latin1(s))


cdef extern from "Python.h":
    ctypedef struct PyMethodDef:
        pass
    ctypedef struct PyMethodDescrObject:
        PyMethodDef *d_method
    object PyCFunction_New(PyMethodDef *method, object self)
    object PyUnicode_New(Py_ssize_t size, uint32_t maxchar)


cdef PyMethodDef *method_of(object cls, str name):
    """Bind it with PyCFunction_New(), which gives what `self.name` gives without a look for the name."""
    return (<PyMethodDescrObject *><PyObject *>cls.__dict__[name]).d_method


cdef enum:
    GONE_MOST = 8  # keys taken out of a template before it is made anew, for a copy of one with many holes is dear


cdef dict grown(dict items):
    """A copy that was made key by key: only such a dictionary has the compact form for str keys, and no holes."""
    cdef dict made = {}
    for key, value in items.items():
        made[key] = value
    return made


@cython.final
cdef class EnvironMaker:
    """What an app thread keeps between requests: keys, and the environ of the last request as a template.

    Browsers and front ends send most values again and again. So an environ is a copy of the last one in which only that
    is set that is new, and of what stays the same no text is made. One per thread: threads share no Python object here.
    """

    cdef list keys
    cdef list values    # the text made last for each variable; of those that are in the template, it is theirs
    cdef core.pd_slice[core.PD_NAME_COUNT] bytes_of  # what these texts consist of
    cdef dict template  # never given to anybody
    cdef dict constant  # what is in the template whatever the request has
    cdef bint[core.PD_NAME_COUNT] is_there       # in the template, from a request
    cdef uint64_t[core.PD_NAME_COUNT] last_turn  # of the requests that had this variable
    cdef uint64_t turn
    cdef int there  # how many are
    cdef int gone   # how many keys were taken out since the template was made
    cdef bint hints  # the template has a place for wsgi.early_hints
    cdef str input_key
    cdef str gone_key
    cdef str id_key
    cdef str hints_key
    cdef str scheme_key
    cdef str length_key
    cdef Waiter waiter  # of the request whose environ was made last
    cdef bint roams     # requests go on on any thread: each needs a waiter of its own
    cdef Contexts contexts
    cdef dict file_maps  # of the engine, which makes it before there are threads

    def __cinit__(self, dict constant):
        cdef int i
        self.keys = [intern_text(core.pd_name_key(i)) for i in range(core.PD_NAME_COUNT)]
        self.values = [""] * core.PD_NAME_COUNT
        for i in range(core.PD_NAME_COUNT):
            self.bytes_of[i] = bytes_slice(b"")
        self.input_key = "wsgi.input"
        self.gone_key = "polydoor.client_gone"
        self.id_key = "polydoor.request_id"
        self.hints_key = "wsgi.early_hints"
        self.scheme_key = "wsgi.url_scheme"
        self.length_key = "CONTENT_LENGTH"
        self.constant = dict(constant)
        for key in (self.input_key, self.gone_key, self.id_key):
            self.constant[key] = None
        self.contexts = Contexts()
        self.waiter = Waiter()
        self.waiter.enter(self.constant)
        self.template = grown(self.constant)
        memset(self.is_there, 0, sizeof(self.is_there))
        memset(self.last_turn, 0, sizeof(self.last_turn))

    cdef inline int take(self, const core.pd_var *var) except -1:
        """Have the template hold this variable."""
        cdef core.pd_slice last = self.bytes_of[var.id]
        cdef bint is_new = last.n != var.value.n or memcmp(last.p, var.value.p, last.n) != 0
        self.last_turn[var.id] = self.turn
        if self.is_there[var.id] and not is_new:
            return 0
        text = latin1(var.value) if is_new else self.values[var.id]
        PyDict_SetItem(self.template, self.keys[var.id], text)
        self.bytes_of[var.id] = core.pd_slice_make(PyUnicode_1BYTE_DATA(text), var.value.n)
        self.values[var.id] = text
        self.there += not self.is_there[var.id]
        self.is_there[var.id] = True
        return 0

    cdef int drop_others(self) except -1:
        """Take out of the template what an earlier request had and this one has not."""
        cdef int i
        for i in range(core.PD_NAME_COUNT):
            if not self.is_there[i] or self.last_turn[i] == self.turn:
                continue
            key = self.keys[i]
            if key in self.constant:
                self.template[key] = self.constant[key]
            else:
                del self.template[key]
                self.gone += 1
            self.is_there[i] = False
            self.there -= 1
        if self.gone > GONE_MOST:
            self.template = grown(self.template)
            self.gone = 0
        return 0

    cdef int offer_hints(self, bint on) except -1:
        """wsgi.early_hints is for HTTP; behind a front end nobody would hear of them."""
        if on:
            self.constant[self.hints_key] = self.template[self.hints_key] = None
        else:
            del self.constant[self.hints_key], self.template[self.hints_key]
        self.gone += not on
        self.hints = on
        return 0

    cdef dict copy(self, const core.pd_request *q):
        """An environ with the variables of this request."""
        cdef const core.pd_var *var = q.vars
        cdef dict environ
        cdef size_t i
        cdef int named = 0
        self.turn += 1
        for i in range(q.nvars):
            if var.id != core.PD_NAME_OTHER:
                named += self.last_turn[var.id] != self.turn
                self.take(var)
            var += 1
        if named != self.there:
            self.drop_others()
        environ = PyDict_Copy(self.template)
        if <size_t>named < q.nvars:
            var = q.vars
            for i in range(q.nvars):
                if var.id == core.PD_NAME_OTHER:
                    PyDict_SetItem(environ, latin1(var.name), latin1(var.value))
                var += 1
        return environ

    cdef dict make(self, Exchange ex):
        """The environ of one request (PEP 3333, "environ Variables")."""
        cdef const core.pd_request *q = core.pd_exchange_request(ex.x)
        cdef bint is_http = core.pd_exchange_is_http(ex.x)
        cdef dict environ
        cdef char request_id[core.PD_EXCHANGE_ID_SIZE]
        if is_http != self.hints:
            self.offer_hints(is_http)
        environ = self.copy(q)
        PyDict_SetItem(environ, self.input_key, ex.input)
        PyDict_SetItem(environ, self.gone_key, PyCFunction_New(CLIENT_GONE, ex))
        core.pd_exchange_id_put(ex.x, request_id)
        ex.request_id = PyUnicode_New(core.PD_EXCHANGE_ID_SIZE - 1, 127)
        memcpy(PyUnicode_1BYTE_DATA(ex.request_id), request_id, core.PD_EXCHANGE_ID_SIZE - 1)
        PyDict_SetItem(environ, self.id_key, ex.request_id)
        if q.https:
            PyDict_SetItem(environ, self.scheme_key, "https")
        if q.content_length < 0 and q.chunked and core.pd_exchange_body_is_collected(ex.x):
            PyDict_SetItem(environ, self.length_key, str(core.pd_exchange_body_received(ex.x)))
        if is_http:
            PyDict_SetItem(environ, self.hints_key, PyCFunction_New(EARLY_HINTS, ex))
        if self.roams:
            self.waiter = Waiter()
            self.waiter.enter(environ)
        self.waiter.running = <PyObject *>ex
        return environ

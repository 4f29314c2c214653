# environ.pxi - the environ dictionary: prepared per thread, finished per request.

cdef object intern_text(core.pd_slice s):
    import sys
    return sys.intern(latin1(s))


@cython.final
cdef class EnvironMaker:
    """What an app thread keeps between requests: keys, the constant part, and the values seen last.

    Browsers and front ends send most values again and again, so the text made for a variable is kept and used again
    when the next request brings the same bytes. One per thread: threads share no Python object here.
    """

    cdef list keys
    cdef list values
    cdef dict constant
    cdef str input_key
    cdef str gone_key
    cdef str hints_key
    cdef str scheme_key
    cdef str length_key

    def __cinit__(self, dict constant):
        cdef int i
        self.keys = [intern_text(core.pd_name_key(i)) for i in range(core.PD_NAME_COUNT)]
        self.values = [""] * core.PD_NAME_COUNT
        self.constant = constant
        self.input_key = "wsgi.input"
        self.gone_key = "polydoor.client_gone"
        self.hints_key = "wsgi.early_hints"
        self.scheme_key = "wsgi.url_scheme"
        self.length_key = "CONTENT_LENGTH"

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

    cdef dict make(self, Exchange ex):
        """The environ of one request (PEP 3333, "environ Variables")."""
        cdef const core.pd_request *q = core.pd_exchange_request(ex.x)
        cdef dict environ = PyDict_Copy(self.constant)
        cdef const core.pd_var *var = q.vars
        cdef size_t i
        for i in range(q.nvars):
            if var.id == core.PD_NAME_OTHER:
                PyDict_SetItem(environ, latin1(var.name), latin1(var.value))
            else:
                PyDict_SetItem(environ, self.keys[var.id], self.value_of(var))
            var += 1
        PyDict_SetItem(environ, self.input_key, ex.input)
        PyDict_SetItem(environ, self.gone_key, ex.client_gone)
        if q.https:
            PyDict_SetItem(environ, self.scheme_key, "https")
        if q.content_length < 0 and q.chunked and core.pd_exchange_body_is_collected(ex.x):
            PyDict_SetItem(environ, self.length_key, str(core.pd_exchange_body_received(ex.x)))
        if core.pd_exchange_is_http(ex.x):
            PyDict_SetItem(environ, self.hints_key, ex.early_hints)
        return environ

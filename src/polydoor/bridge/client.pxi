# client.pxi - asking a server: the client halves of the codecs, without a socket.
from libc.stdlib cimport free, malloc

FRAME_MAX = 1 << 30
ENDINGS = ("whole", "closed", "cut")
ASKED_HEAD_MAX = 1 << 24  # more variables than this are a mistake


@cython.final
cdef class Client:
    """One request and its response, as bytes."""

    cdef const core.pd_client_codec *codec
    cdef core.pd_limits limits
    cdef core.pd_scratch *scratch
    cdef void *state

    def __cinit__(self, str protocol):
        if protocol == "http":
            self.codec = &core.pd_client_http1
        elif protocol == "fastcgi":
            self.codec = &core.pd_client_fastcgi
        elif protocol == "scgi":
            self.codec = &core.pd_client_scgi
        elif protocol == "ajp":
            self.codec = &core.pd_client_ajp13
        elif protocol == "uwsgi":
            self.codec = &core.pd_client_uwsgi
        else:
            raise ValueError(f"no client for {protocol}")
        self.limits = core.PD_LIMITS_DEFAULT
        self.limits.body = <uint64_t>1 << 62
        self.scratch = <core.pd_scratch *>malloc(sizeof(core.pd_scratch))
        self.state = malloc(self.codec.state_size)
        if self.scratch is NULL or self.state is NULL:
            free(self.state)
            self.state = NULL
            raise MemoryError
        self.codec.init(self.state, core.pd_sys_default(), &self.limits)

    def __dealloc__(self):
        if self.state is not NULL:
            self.codec.fini(self.state)
        free(self.state)
        free(self.scratch)

    @property
    def form(self):
        return {core.PD_HEAD_HTTP: "http", core.PD_HEAD_CGI: "cgi", core.PD_HEAD_AJP: "ajp"}[self.codec.form]

    @property
    def on_demand(self):
        return bool(self.codec.on_demand)

    @property
    def frame_max(self):
        return min(self.codec.frame_max, <size_t>FRAME_MAX)

    @property
    def sends_chunks(self):
        return bool(self.codec.sends_chunks)

    def head(self, bytes method, bytes target, list headers, list variables, list attributes, length, bint chunked):
        cdef core.pd_head head
        cdef core.pd_buf out
        cdef core.pd_slice view
        cdef core.pd_reason bad
        cdef size_t i
        cdef bytes name, value
        fields = headers + variables + attributes
        if len(fields) > core.PD_FIELDS_MAX:
            raise ValueError(f"more than {core.PD_FIELDS_MAX} fields cannot be sent")
        memset(&head, 0, sizeof(head))
        head.form = self.codec.form
        head.nheaders = len(headers)
        head.nvariables = len(headers) + len(variables)
        head.method = bytes_slice(method)
        head.target = bytes_slice(target)
        head.content_length = -1 if length is None else length
        head.chunked = chunked
        head.fields = self.scratch.fields
        head.nfields = <size_t>len(fields)
        for i, (name, value) in enumerate(fields):
            head.fields[i].name = bytes_slice(name)
            head.fields[i].value = bytes_slice(value)
        core.pd_buf_init(&out, core.pd_sys_default(), ASKED_HEAD_MAX)
        try:
            bad = self.codec.put_head(self.state, &head, &out)
            if bad != core.PD_R_NONE:
                raise ValueError(core.pd_reason_text(bad).decode())
            view = core.pd_buf_view(&out)
            return PyBytes_FromStringAndSize(view.p, <Py_ssize_t>view.n)
        finally:
            core.pd_buf_fini(&out)

    def body(self, bytes data):
        cdef char prefix[64]  # each is more than codec.h allows
        cdef char suffix[64]
        cdef size_t before, behind
        pieces = []
        for at in range(0, len(data), self.frame_max):
            piece = data[at:at + self.frame_max]
            self.codec.put_frame(self.state, <size_t>len(piece), prefix, &before, suffix, &behind)
            pieces += [prefix[:before], piece, suffix[:behind]]
        return b"".join(pieces)

    def end(self):
        cdef char last[64]
        cdef size_t n = self.codec.put_end(self.state, last)
        return last[:n]

    def feed(self, bytes data):
        cdef core.pd_slice rest = bytes_slice(data)
        cdef core.pd_answer answer
        cdef size_t used
        answers = []
        while True:
            self.codec.next(self.state, rest, &used, self.scratch, &answer)
            rest = core.pd_slice_make(rest.p + used, rest.n - used)
            if answer.kind == core.PD_ANSWER_MORE:
                return answers
            answers.append(answer_tuple(&answer))
            if answer.kind == core.PD_ANSWER_BAD:
                return answers

    def eof(self, bint clean):
        cdef core.pd_answer answer
        self.codec.eof(self.state, clean, &answer)
        return [] if answer.kind == core.PD_ANSWER_MORE else [answer_tuple(&answer)]


cdef tuple answer_tuple(const core.pd_answer *answer):
    cdef size_t i
    if answer.kind in (core.PD_ANSWER_INTERIM, core.PD_ANSWER_HEAD):
        fields = [
            (latin1(answer.head.fields[i].name), latin1(answer.head.fields[i].value))
            for i in range(answer.head.nfields)
        ]
        kind = "head" if answer.kind == core.PD_ANSWER_HEAD else "interim"
        return kind, answer.head.status, latin1(answer.head.phrase), fields
    if answer.kind in (core.PD_ANSWER_BODY, core.PD_ANSWER_STDERR):
        data = PyBytes_FromStringAndSize(answer.data.p, <Py_ssize_t>answer.data.n)
        return ("body" if answer.kind == core.PD_ANSWER_BODY else "stderr"), data
    if answer.kind == core.PD_ANSWER_DEMAND:
        return "demand", answer.wanted
    if answer.kind == core.PD_ANSWER_END:
        return "end", ENDINGS[answer.ended], answer.app_status, bool(answer.surplus)
    return "bad", f"PD{core.pd_reason_number(answer.reason):04}", core.pd_reason_text(answer.reason).decode()

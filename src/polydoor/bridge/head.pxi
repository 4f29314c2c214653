# head.pxi - the status and headers of a response, from Python to the engine.
cdef int check(core.pd_reason reason, object what) except -1:
    if reason != core.PD_R_NONE:
        raise ValueError(f"{core.pd_reason_text(reason).decode()}: {what!r}")
    return 0


cdef enum HeadFault:
    FINE
    NOT_TEXT  # the culprit is no str
    TOO_WIDE  # it holds what latin-1 does not have
    NOT_LIST  # the headers
    NOT_PAIR  # one of them
    REFUSED   # `why` says what is wrong with it


cdef HeadFault as_latin1(object text, core.pd_slice *out, PyObject **culprit) noexcept:
    """The latin-1 bytes of a text, without a copy; they live as long as it does (PEP 3333, "Unicode Issues")."""
    culprit[0] = <PyObject *>text
    if not isinstance(text, str):
        return NOT_TEXT
    if PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND:
        return TOO_WIDE
    out[0] = core.pd_slice_make(PyUnicode_1BYTE_DATA(text), <size_t>PyUnicode_GET_LENGTH(text))
    return FINE


cdef HeadFault take_head(core.pd_response *r, object status, object headers, PyObject **culprit,
                         core.pd_reason *why) noexcept:
    """Take status and headers. Runs nothing of the application, which might end the request that `r` belongs to."""
    cdef core.pd_slice name, value
    cdef HeadFault fault = as_latin1(status, &name, culprit)
    if fault != FINE:
        return fault
    why[0] = core.pd_response_start(r, name)
    if why[0] != core.PD_R_NONE:
        return REFUSED
    culprit[0] = <PyObject *>headers
    if type(headers) is not list:
        return NOT_LIST
    for item in <list>headers:
        culprit[0] = <PyObject *>item
        if type(item) is not tuple or PyTuple_GET_SIZE(item) != 2:
            return NOT_PAIR
        fault = as_latin1((<tuple>item)[0], &name, culprit)
        if fault == FINE:
            fault = as_latin1((<tuple>item)[1], &value, culprit)
        if fault != FINE:
            return fault
        culprit[0] = <PyObject *>item
        why[0] = core.pd_response_add(r, name, value)
        if why[0] != core.PD_R_NONE:
            return REFUSED
    return FINE


cdef int fill_head(core.pd_response *r, object status, object headers) except -1:
    """Check and take status and headers; on an error the response has no head."""
    cdef core.pd_reason why = core.PD_R_NONE
    cdef PyObject *found = NULL
    cdef HeadFault fault = take_head(r, status, headers, &found, &why)
    if fault == FINE:
        return 0
    core.pd_response_spoil(r)  # before there is a message: what shows the culprit is the application's code
    culprit = <object>found
    if fault == REFUSED:
        check(why, culprit)
    if fault == TOO_WIDE:
        raise ValueError(f"{culprit!r} holds a character above U+00FF; encode it first")
    if fault == NOT_LIST:
        raise TypeError(f"the headers must be a list, not {type(culprit).__name__}")
    if fault == NOT_PAIR:
        raise TypeError(f"a header must be a tuple (name, value), not {culprit!r}")
    raise TypeError(f"status, header names and header values must be str, not {type(culprit).__name__}")


cdef int check_exc_info(object given) except -1:
    """Raise TypeError for what cannot have come from sys.exc_info()."""
    if type(given) is not tuple or len(<tuple>given) != 3 or not isinstance((<tuple>given)[1], BaseException):
        raise TypeError(f"exc_info must be what sys.exc_info() gives while an exception is handled, not {given!r}")
    return 0


cdef inline bint may_have_length(int status):
    """RFC 9110 section 8.6: no Content-Length in 1xx, 204 and 205; in 304 it would speak of another response."""
    return status >= 200 and status != 204 and status != 205 and status != 304


cdef bint told_dropped_file = False


cdef object say_dropped_file(core.pd_thread *t):
    """Say, once in a process, that a field was left out."""
    global told_dropped_file
    if not told_dropped_file:
        told_dropped_file = True
        text = "the application has a front end send a file (X-Accel-Redirect, X-Sendfile), which is left out"
        line = f"polydoor: {codes.FILE_FIELD_DROPPED}: {text}\n  Allow it with ?sendfile=app behind the address.\n"
        core.pd_thread_say(t, bytes_slice(line.encode("ascii")))

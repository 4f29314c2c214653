# hints.pxi - 103 responses (RFC 8297).


cdef int send_hints(Input input, object headers) except -1:
    """Send a 103 response with these headers, unless the response itself has ended; from any thread."""
    cdef core.pd_response hints
    core.pd_response_init(&hints, core.pd_sys_default(), 65536)
    try:
        fill_head(&hints, "200 OK", headers)
        if hints.content_length >= 0:  # RFC 9110 section 8.6: never in an interim response
            raise ValueError("early hints cannot have a Content-Length")
        send_fields(input, core.pd_buf_view(&hints.fields))
    finally:
        core.pd_response_fini(&hints)
    return 0


cdef void send_fields(Input input, core.pd_slice fields) noexcept:
    cdef core.pd_exchange *x
    if fields.n == 0:
        return
    with cython.critical_section(input):
        x = input.x
        if x != NULL:
            core.pd_exchange_enter(x)
    if x != NULL:
        with nogil:  # a file of the response before may be on its way
            core.pd_exchange_early_hints(x, fields)
            core.pd_exchange_leave(x)

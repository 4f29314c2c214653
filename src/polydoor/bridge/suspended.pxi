# suspended.pxi - a request between two of its waits: from the thread, and back to it.

cdef object suspend(EnvironMaker maker, Exchange ex):
    """Give the request to the engine until what it waits for has come about."""
    cdef Suspension s = ex.suspension
    cdef core.pd_suspend r
    s.waiter.running = NULL
    maker.contexts.leave(s)
    s.what.tag = <void *>ex
    Py_INCREF(ex)
    r = core.pd_exchange_suspend(ex.t, ex.x, &s.what)
    if r == core.PD_SUSPEND_OK:
        return  # another thread may have it already
    Py_DECREF(ex)
    PyContext_Enter(s.context)
    s.waiter.running = <PyObject *>ex
    if r == core.PD_SUSPEND_FULL:
        ex.overload()
    else:
        ex.fail()
    end_suspended(maker, ex)


cdef object end_suspended(EnvironMaker maker, Exchange ex):
    """The response is over; so is all that was kept."""
    cdef Suspension s = ex.suspension
    close_result(s.result, ex)
    s.waiter.running = NULL
    s.clear()
    maker.contexts.leave(s)


cdef object serve_on(EnvironMaker maker, Window window, core.pd_thread *t, core.pd_exchange *x):
    """Go on with a request that was suspended; nothing that the application does gets past this."""
    cdef core.pd_wait_end end
    cdef Exchange ex = <Exchange>core.pd_exchange_waited(x, &end)
    cdef Suspension s = ex.suspension
    cdef unsigned int forks_before = forks
    cdef bint again = False
    Py_DECREF(ex)
    ex.t = ex.input.t = t
    ex.window = window
    window_begin(&window.w, x.id)
    PyContext_Enter(s.context)
    s.waiter.ident = window.ident
    s.waiter.running = <PyObject *>ex
    s.waiter.timeout.has_passed = end == core.PD_WAIT_TIMEOUT
    try:
        if end == core.PD_WAIT_OVER:
            ex.fail()
        else:
            again = ex.send_blocks(s.blocks, False)
            if not again and ex.x != NULL:
                ex.finish(b"")
        if forks != forks_before:
            end_child()
    except BaseException as error:
        if forks != forks_before:
            end_child(error)
        fail_request(ex, s.page, s.environ, error)
    if again:
        suspend(maker, ex)
    else:
        end_suspended(maker, ex)

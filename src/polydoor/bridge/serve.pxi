# serve.pxi - one request, from the call of the application to close(), and what is said of its errors.
cdef object report(core.pd_thread *t, code, text, error):
    """Say what happened in a request, with the traceback; nothing that the exception does gets past this."""
    try:
        from polydoor.failures import traceback_text
        data = f"polydoor: {code}: {text}\n{traceback_text(error)}\n".encode("utf-8", "backslashreplace")
        core.pd_thread_say(t, bytes_slice(data))
    except BaseException:
        pass  # out of memory


cdef object report_failure(Exchange ex, object error):
    """An exception with its traceback, and the request in which it happened."""
    cdef char text[512]
    where = f"behind its response, id {ex.request_id}"
    if ex.x != NULL:
        core.pd_exchange_describe(ex.x, text, sizeof(text))
        where = text.decode("ascii")
    report(ex.t, codes.APP_FAILED, f"error in the application: {where}", error)


cdef object report_return(Exchange ex):
    """The thread of a request that was interrupted is back; nothing gets past this."""
    try:
        text = f"polydoor: {codes.REQUEST_LEFT}: the application has left the request that was interrupted, id "
        data = f"{text}{ex.request_id}\n".encode("ascii")
        core.pd_thread_say(ex.t, bytes_slice(data))
    except BaseException:
        pass  # out of memory


cdef object serve(object app, object page, EnvironMaker maker, Window window, core.pd_thread *t, core.pd_exchange *x):
    """Run one request from the call to close(); nothing that the application does gets past this."""
    cdef Exchange ex
    cdef Input body
    cdef object result = None
    cdef object environ = None
    cdef unsigned int forks_before = forks
    cdef bint waits = False
    try:
        ex = Exchange.__new__(Exchange)
        body = Input.__new__(Input)
    except MemoryError:
        with nogil:
            core.pd_exchange_fail(t, x)
        return
    body.x = x
    body.t = t
    body.kept = b""
    ex.x = x
    ex.t = t
    ex.input = body
    ex.window = window
    window_begin(&window.w, x.id)
    try:
        if page is not None:
            environ = maker.make(ex)
        window_open(&window.w)
        try:
            result = app(maker.make(ex) if environ is None else environ, ex)
        finally:
            window.close()
        if forks != forks_before:
            end_child()
        waits = ex.send_result(result, maker.file_maps)
    except BaseException as error:
        if forks != forks_before:
            end_child(error)
        fail_request(ex, page, environ, error)
    if waits:
        ex.suspension.result = result
        ex.suspension.environ = environ
        ex.suspension.page = page
        suspend(maker, ex)
        return
    if type(result) is not list:
        close_result(result, ex)
    maker.waiter.running = NULL


cdef object fail_request(Exchange ex, object page, object environ, object error):
    """The application has raised an exception, or given what it may not."""
    if type(error) is PeerClosed and ex.progress == OVER:
        ex.fail()
    elif type(error) is not PeerClosed or not ex.refuse_body():
        try:
            if type(error) is RequestTimeout:
                report_return(ex)
            else:
                report_failure(ex, error)
            if page is not None and environ is not None:
                explain(ex, page, environ, error)
        finally:
            ex.fail()


cdef object explain(Exchange ex, object page, dict environ, object error):
    """Answer with the page of an error if nothing was sent; whatever goes wrong leaves it to fail()."""
    cdef core.pd_exchange *x = ex.x
    cdef core.pd_slice accept
    if x == NULL:
        return
    ex.detach()  # from here on no other thread sends
    ex.x = x
    if ex.input.sending or core.pd_exchange_head_sent(x):
        return
    try:
        accept = core.pd_request_get(core.pd_exchange_request(x), core.PD_NAME_HTTP_ACCEPT)
        kind, body = page(environ, error, core.pd_page_choose(accept) == core.PD_PAGE_HTML)
        fields = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
                  ("X-Content-Type-Options", "nosniff")]
        fill_head(core.pd_exchange_response(x), "500 Internal Server Error", fields)
        ex.started = True
        ex.finish(body)
    except BaseException as trouble:
        report(ex.t, codes.APP_FAILED, f"error in the page of an error, id {ex.request_id}", trouble)


cdef object close_result(object result, Exchange ex):
    """Call close() once, whatever happened before; its errors are only told."""
    try:
        window_open(&ex.window.w)
        try:
            close = getattr(result, "close", None)
            if close is not None:
                close()
        finally:
            ex.window.close()
    except BaseException as error:
        if type(error) is RequestTimeout:
            report_return(ex)
            return
        report(ex.t, codes.CLOSE_FAILED, f"error in close() of a response, id {ex.request_id}", error)

# front_file.pxi - files that the front end sends itself.
cdef object map_value(object file_map, object filelike, tuple found):
    """What stands in the field of `file_map` for a whole file that was opened by its name; None: it is not handed over.

    Only of what open() gives is it known what close() does: others may delete the file, as tempfile's do.
    """
    if type(filelike) not in (io.BufferedReader, io.FileIO) or found[1] != 0:
        return None
    try:
        status = os.fstat(found[0])
    except OSError:
        return None
    return file_map.value(getattr(filelike, "name", None), status) if status.st_size == found[2] else None


cdef int hand_over(Exchange ex, FileWrapper wrapper, tuple found, dict file_maps) except -1:
    """Let the front end send a file, if the map of its listener has it. 0: nothing was done."""
    cdef core.pd_response *r
    cdef bint done = False
    file_map = file_maps.get(core.pd_exchange_file_map(ex.x))
    value = None if file_map is None else map_value(file_map, wrapper.filelike, found)
    if value is None:
        return 0
    name = file_map.field.encode("ascii")
    with cython.critical_section(ex.input):
        r = core.pd_exchange_response(ex.x)
        if not ex.input.sending and not core.pd_exchange_head_sent(ex.x) and (
            r.content_length < 0 or <uint64_t>r.content_length == <uint64_t>found[2]
        ):
            done = core.pd_response_hand_over(r, bytes_slice(name), bytes_slice(value))
    if done:
        ex.finish(b"")
    return done

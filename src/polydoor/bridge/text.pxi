# text.pxi - between Python text and latin-1 bytes.

cdef extern from "Python.h":
    Py_ssize_t PyUnicode_GET_LENGTH(object)
    int PyUnicode_KIND(object)
    enum:
        PyUnicode_1BYTE_KIND
    char *PyUnicode_1BYTE_DATA "(char *)PyUnicode_1BYTE_DATA"(object)


cdef inline str latin1(core.pd_slice s):
    return PyUnicode_DecodeLatin1(s.p, <Py_ssize_t>s.n, NULL)


cdef inline core.pd_slice bytes_slice(object data):
    """The bytes of a bytes object, also of a subclass; they live as long as it does."""
    return core.pd_slice_make(PyBytes_AS_STRING(data), <size_t>PyBytes_GET_SIZE(data))


cdef inline int text_slice(object text, core.pd_slice *out) except -1:
    """The latin-1 bytes of a text, without a copy; they live as long as it does (PEP 3333, "Unicode Issues")."""
    if not isinstance(text, str):
        raise TypeError(f"status, header names and header values must be str, not {type(text).__name__}")
    if PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND:
        raise ValueError(f"{text!r} holds a character above U+00FF; encode it first")
    out[0] = core.pd_slice_make(PyUnicode_1BYTE_DATA(text), <size_t>PyUnicode_GET_LENGTH(text))
    return 0

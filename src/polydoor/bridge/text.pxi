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

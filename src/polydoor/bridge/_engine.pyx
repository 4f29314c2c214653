# cython: language_level=3, binding=False, embedsignature=False, freethreading_compatible=True
# cython: wraparound=False
"""The bridge: pulls requests from the engine, calls the application, hands its bytes back (PEP 3333).

C never calls Python: an app thread asks `pd_engine_next()` for a request with the GIL released, and everything else
here happens on that thread. One extension, assembled from one part per concern.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_Copy, PyDict_SetItem
from cpython.exc cimport PyErr_SetFromErrno
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeLatin1
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset, strlen

from polydoor.bridge cimport core

from polydoor import codes
from polydoor._version import __version__
from polydoor.errors import PeerClosed, RequestTimeout

include "text.pxi"
include "fork.pxi"
include "window.pxi"
include "fdevent.pxi"
include "environ.pxi"
include "input.pxi"
include "errors.pxi"
include "file_wrapper.pxi"
include "head.pxi"
include "hints.pxi"
include "respond.pxi"
include "front_file.pxi"
include "serve.pxi"
include "suspended.pxi"
include "config.pxi"
include "listening.pxi"
include "board.pxi"
include "stuck.pxi"
include "overdue.pxi"
include "engine.pxi"
include "client.pxi"

# file_wrapper.pxi - wsgi.file_wrapper.
import io
import os
import stat

# Only for these is it certain that read() gives the bytes of the descriptor from tell() on.
PLAIN_FILES = (io.FileIO, io.BufferedReader, io.BufferedRandom)


@cython.final
cdef class FileWrapper:
    """An iterable over a file that the server may send by itself (PEP 3333, "Platform-Specific File Handling").

    Iterated, for example by middleware, it is a plain iterable of blocks.
    """

    cdef readonly object filelike
    cdef readonly Py_ssize_t blksize
    cdef readonly object close

    def __cinit__(self, filelike, Py_ssize_t blksize=8192):
        self.filelike = filelike
        self.blksize = blksize
        self.close = getattr(filelike, "close", nothing)

    def __iter__(self):
        return self

    def __next__(self):
        block = self.filelike.read(self.blksize)
        if not block:
            raise StopIteration
        return block


def nothing():
    """Close what has no close()."""


cdef object plain_file(object filelike):
    """The file object whose descriptor can be sent, or None."""
    if is_plain(filelike):
        return filelike
    inner = getattr(filelike, "file", None)  # tempfile.NamedTemporaryFile
    return inner if is_plain(inner) else None


cdef bint is_plain(object f):
    """One of PLAIN_FILES, or a subclass that leaves alone what decides about its bytes."""
    for base in PLAIN_FILES:
        if isinstance(f, base):
            return all(getattr(type(f), name) is getattr(base, name) for name in ("read", "fileno", "tell"))
    return False


cdef tuple file_range(object filelike):
    """Descriptor, offset and size of what is left of a plain file from its position on; None for anything else."""
    f = plain_file(filelike)
    if f is None:
        return None
    try:
        fd = f.fileno()
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            return None
        at = f.tell()
    except (OSError, ValueError):
        return None
    if status.st_size <= at:
        return None  # nothing is left, or it is a file of /proc, whose size says nothing
    return (fd, at, status.st_size - at)

"""Polydoor serves one WSGI application through every door: HTTP/1.1, FastCGI and SCGI."""

from polydoor._version import __version__

__all__ = ["__version__"]

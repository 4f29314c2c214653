#!/usr/bin/env python3
"""The one place of the version: Python imports it, the build runs it."""

__version__ = "0.1.0"

if __name__ == "__main__":
    print(__version__)

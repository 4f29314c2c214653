"""Follows the pages of the documentation as a reader would, and compares what their commands print."""

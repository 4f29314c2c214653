"""How Sphinx builds the documentation: `make docs`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "src"))

from polydoor._version import __version__  # noqa: E402

project = "Polydoor"
author = "The Polydoor authors"
copyright = author  # noqa: A001 - Sphinx's name
release = __version__

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["adr/README.md"]  # the table of contents says the same
nitpicky = True
# Pages refer to files of the repository, which Sphinx does not build.
suppress_warnings = ["myst.xref_missing"]

html_theme = "furo"
html_title = f"Polydoor {release}"
html_copy_source = False
html_show_sphinx = False

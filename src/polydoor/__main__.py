"""`python -m polydoor` is the same as the command `polydoor`."""

import sys

from polydoor.cli import main

if __name__ == "__main__":
    sys.exit(main())

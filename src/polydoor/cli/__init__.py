"""The command `polydoor`: one file per subcommand, `arguments` reads the command line."""

from polydoor.cli.main import main

__all__ = ["main"]

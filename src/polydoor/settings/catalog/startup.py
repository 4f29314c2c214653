"""Where settings come from, and what is done before the application is loaded."""

from polydoor.settings.option import Assignment, Setting, Word

GROUP = "Configuration and environment"

STARTUP = (
    Setting(
        "config",
        Word("FILE", empty="polydoor.toml, or [tool.polydoor] in pyproject.toml"),
        "",
        "The configuration file.",
        group=GROUP,
        short="-c",
        only_outside=True,
    ),
    Setting(
        "env_file",
        Word("FILE"),
        (),
        "A file of NAME=VALUE lines for the process environment; may stand several times. What is set already stays.",
        group=GROUP,
        repeat=True,
    ),
    Setting(
        "env",
        Assignment(),
        (),
        "A variable for the process environment, whether or not it is set already; may stand several times.",
        group=GROUP,
        short="-e",
        repeat=True,
        secret=True,
    ),
    Setting(
        "chdir",
        Word("DIR", empty="where it was started"),
        "",
        "The working directory. It is entered first, so relative paths are meant from there.",
        group=GROUP,
    ),
    Setting(
        "app_dir",
        Word("DIR", empty="the working directory"),
        "",
        "A directory to import the application from; it comes first on sys.path.",
        group=GROUP,
    ),
)

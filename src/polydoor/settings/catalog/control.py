"""How other commands and programs find the server that runs."""

from polydoor.settings.option import Setting, Word

GROUP = "Control"

CONTROL = (
    Setting(
        "control",
        Word("PATH", empty="none"),
        "",
        "A Unix socket, for this user and root alone, at which `polydoor status`, `reload` and `stop` reach the "
        "server. There is then a supervisor, also for one worker.",
        group=GROUP,
        reloadable=False,
    ),
    Setting(
        "pid",
        Word("FILE", empty="none"),
        "",
        "A file for the number of the process to send signals to. It is written once the addresses are bound, and "
        "removed at the end.",
        group=GROUP,
        short="-p",
        reloadable=False,
    ),
)

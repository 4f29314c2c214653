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
)

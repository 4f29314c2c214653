"""How large a request may be. The defaults are those of PD_LIMITS_DEFAULT in the core."""

from polydoor.settings.option import Count, Setting, Size

GROUP = "Limits of a request"
KIB = 1024
GIB = 1024**3

LIMITS = (
    Setting(
        "head_limit",
        Size(1 * KIB, 1024 * KIB),
        64 * KIB,
        "Start line and header fields, or all CGI variables, together (431).",
        group=GROUP,
    ),
    Setting(
        "target_limit",
        Size(64, 1024 * KIB),
        16 * KIB,
        "The request target, that is path and query (414).",
        group=GROUP,
    ),
    Setting("field_limit", Count(8, 512), 128, "Header fields, or CGI variables (431).", group=GROUP),
    Setting(
        "body_limit",
        Size(0, 1024**5),
        1 * GIB,
        "The request body after decoding (413).",
        group=GROUP,
    ),
)

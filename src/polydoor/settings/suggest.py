"""Did you mean … ? Only loaded once something is misspelt."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(word: str, candidates: Iterable[str]) -> str:
    """Return the candidate that `word` was most likely meant to be, or an empty string."""
    import difflib

    names = list(candidates)
    same = [name for name in names if name.casefold() == word.casefold()]
    if same:
        return same[0]
    begins = [name for name in names if name.startswith(word)]
    if len(begins) == 1:
        return begins[0]
    return next(iter(difflib.get_close_matches(word, names, n=1, cutoff=0.6)), "")


def hint(word: str, candidates: Iterable[str]) -> str:
    """Return a line to put below a message, or an empty string."""
    found = nearest(word, candidates)
    return f"\nDid you mean {found}?" if found else ""

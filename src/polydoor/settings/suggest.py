"""Did you mean … ? Only loaded once something is misspelt."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


MARKS = ("--", "POLYDOOR_")  # what all candidates of a kind begin with makes none of them near


def nearest(word: str, candidates: Iterable[str]) -> str:
    """Return the candidate that `word` was most likely meant to be, or an empty string."""
    import difflib

    mark = next((mark for mark in MARKS if word.startswith(mark)), "")
    names = [name for name in candidates if name.startswith(mark)]
    same = [name for name in names if name.casefold() == word.casefold()]
    if same:
        return same[0]
    begins = [name for name in names if name.startswith(word)]
    if begins:
        return min(begins, key=len)
    bare = [name.removeprefix(mark) for name in names]
    found = difflib.get_close_matches(word.removeprefix(mark), bare, n=1, cutoff=0.65 if mark else 0.6)
    return mark + found[0] if found else ""


def hint(word: str, candidates: Iterable[str]) -> str:
    """Return a line to put below a message, or an empty string."""
    found = nearest(word, candidates)
    return f"\nDid you mean {found}?" if found else ""

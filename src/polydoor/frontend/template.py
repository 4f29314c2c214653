"""Fills a template.

A template is the configuration itself, so that it can be read as one, with a few additions:

    {{name}}                       stands for a fact
    % if fastcgi and not unix      a line that begins with % chooses lines: if, elif, else, for and end
    % for static                   the lines up to `% end` once for each item, whose facts come before the others

A condition is facts joined by `and`, each with or without `not`; a text is true unless it is empty. Nothing is computed
here, and there is nothing to escape: whoever gathers the facts makes them fit.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    Fact = str | bool | Sequence[Mapping[str, str]]
    Facts = Mapping[str, Fact]

OPENING = ("if", "for")
SIGN = "%"


class TemplateError(ValueError):
    """A template is wrong; the message begins with the line."""


class _Lines:
    """The lines of a template, and the next one."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.at = 0

    def word(self) -> tuple[str, str]:
        """The directive of the line before the next one with what stands behind it; empty for any other line."""
        line = self.lines[self.at - 1].lstrip()
        if not line.startswith(SIGN):
            return "", ""
        word, _, rest = line[len(SIGN) :].strip().partition(" ")
        return word, rest.strip()

    def block(self) -> tuple[int, int, str, str]:
        """Pass over lines up to the `elif`, `else` or `end` of this depth: first line, last line, directive, rest."""
        first, depth = self.at, 0
        while self.at < len(self.lines):
            self.at += 1
            word, rest = self.word()
            if depth == 0 and word in {"elif", "else", "end"}:
                return first, self.at - 1, word, rest
            depth += (word in OPENING) - (word == "end")
        raise TemplateError(f"line {first}: there is no end")


def render(text: str, facts: Facts) -> str:
    """Return the text with everything filled in. Several empty lines in a row become one."""
    lines: list[str] = []
    for line in _render(text.rstrip("\n"), facts, 0):
        if line or (lines and lines[-1]):
            lines.append(line)
    return "\n".join(lines).rstrip("\n") + "\n"


def _render(text: str, facts: Facts, before: int) -> Iterator[str]:
    source = _Lines(text)
    while source.at < len(source.lines):
        source.at += 1
        word, rest = source.word()
        if not word:
            yield _filled(source.lines[source.at - 1], facts, before + source.at)
        elif word == "if":
            yield from _chosen(source, rest, facts, before)
        elif word == "for":
            first, last, _, _ = source.block()
            for item in _items(rest, facts):
                yield from _render("\n".join(source.lines[first:last]), {**facts, **item}, before + first)
        else:
            raise TemplateError(f"line {before + source.at}: {word!r} has no place here")


def _chosen(source: _Lines, condition: str, facts: Facts, before: int) -> Iterator[str]:
    """The lines of the first branch whose condition holds."""
    word, done = "if", False
    while word != "end":
        takes = not done and (word == "else" or holds(condition, facts))
        first, last, word, condition = source.block()
        if takes and first < last:
            yield from _render("\n".join(source.lines[first:last]), facts, before + first)
        done = done or takes


def holds(condition: str, facts: Facts) -> bool:
    """Whether a condition holds."""
    for part in condition.split(" and "):
        name = part.strip()
        wanted = not name.startswith("not ")
        if bool(_fact(name.removeprefix("not ").strip(), facts)) is not wanted:
            return False
    return True


def _filled(line: str, facts: Facts, number: int) -> str:
    start, *rest = line.split("{{")
    for piece in rest:
        name, closing, tail = piece.partition("}}")
        fact = _fact(name, facts) if closing else None
        if not isinstance(fact, str):
            raise TemplateError(f"line {number}: {{{{{name}}}}} is no text")
        start += fact + tail
    return start


def _items(name: str, facts: Facts) -> Sequence[Mapping[str, str]]:
    fact = _fact(name, facts)
    if isinstance(fact, str | bool):
        raise TemplateError(f"{name} is no list")
    return fact


def _fact(name: str, facts: Facts) -> Fact:
    if name not in facts:
        raise TemplateError(f"there is no fact {name!r}")
    return facts[name]

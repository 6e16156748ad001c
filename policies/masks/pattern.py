"""Patterns that mean the same to every engine: RE2, POSIX as in PostgreSQL, PCRE, ICU and Python.

Engines differ on which of several matches they take (Perl's first, POSIX's longest), on what a dot, a class letter and
an empty match are. So a pattern is read here into a tree, accepted only where it is *deterministic* (at each point the
next character alone says where in the pattern we are: then the first match is also the longest, and backtracking cannot
explode), and written anew in the spelling all engines share.

May stand in a pattern: characters, ``.`` (anything but a line feed), classes ``[a-z]`` ``[^,]``, ``\\d \\w \\s``
(ASCII), ``* + ? {m} {m,} {m,n}``, groups, ``|``, ``^`` at the start and ``$`` (the end of the text) at the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from policies.masks.pattern_check import check
from policies.masks.pattern_tree import (
    LETTERS,
    MARKS,
    META,
    Chars,
    Choice,
    Node,
    Ranges,
    Repeat,
    Sequence,
    fault,
    write,
)

LONGEST = 1000
_COUNTS = re.compile(r"\{(\d{1,3})(,(\d{1,3})?)?\}", re.ASCII)
_CLASSES = {"d": "0-9", "w": "0-9A-Z__a-z", "s": "\t\t\n\n\f\f\r\r  "}


@dataclass(frozen=True)
class Pattern:
    """An accepted pattern. ``text`` is its spelling for every engine."""

    body: Node
    start: bool
    end: bool

    @cached_property
    def text(self) -> str:
        return ("^" if self.start else "") + write(self.body) + ("$" if self.end else "")

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """For Python, where ``$`` would also match before a last line feed."""
        return re.compile(("^" if self.start else "") + write(self.body) + (r"\Z" if self.end else ""))


def pattern(spelt: str) -> Pattern:
    """Read a pattern. Raises `MaskFault` CH443 with what is wrong in it."""
    if not spelt or len(spelt) > LONGEST:
        raise fault(f"is empty or longer than {LONGEST} characters")
    if "\0" in spelt:
        raise fault("holds a NUL character")
    start = spelt.startswith("^")
    end = spelt.endswith("$") and not _escaped(spelt, len(spelt) - 1)
    reader = _Reader(spelt[start : len(spelt) - end])
    body = reader.choice()
    if not reader.done:
        raise fault("closes a group that is not open")
    if (start or end) and isinstance(body, Choice):
        raise fault("has '|' beside '^' or '$'", "Put the alternatives in parentheses.")
    check(body)
    return Pattern(body, start, end)


def _escaped(spelt: str, at: int) -> bool:
    before = spelt[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


class _Reader:
    """Reads the text from left to right."""

    def __init__(self, spelt: str) -> None:
        self._spelt, self._at, self._depth = spelt, 0, 0

    @property
    def done(self) -> bool:
        return self._at >= len(self._spelt)

    def _peek(self) -> str:
        return "" if self.done else self._spelt[self._at]

    def _next(self, what: str) -> str:
        if self.done:
            raise fault(f"ends inside {what}")
        self._at += 1
        return self._spelt[self._at - 1]

    def choice(self) -> Node:
        parts = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while not self.done and self._peek() not in "|)":
            parts.append(self._repeated(self._atom()))
        if not parts:
            raise fault("has an empty alternative or group", "Write (..)? for something optional.")
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _atom(self) -> Node:
        char = self._next("the pattern")
        if char == "(":
            return self._group()
        if char == "[":
            return self._class()
        if char == ".":
            return Chars(((10, 10),), negated=True)
        if char == "\\":
            return self._escape()
        if char in "^$":
            raise fault(
                f"has '{char}' in the middle", "'^' stands first, '$' last; write \\^ or \\$ for the character."
            )
        if char in META:
            raise fault(f"has '{char}' where nothing can be repeated or closed", f"Write \\{char} for the character.")
        return Chars(((ord(char), ord(char)),))

    def _group(self) -> Node:
        if self._peek() == "?":
            if not self._spelt.startswith("?:", self._at):
                raise fault("looks around or names a group", "Groups are (..) or (?:..).")
            self._at += 2
        self._depth += 1
        if self._depth > 20:
            raise fault("nests groups more than 20 deep")
        inner = self.choice()
        if self._next("a group") != ")":
            raise fault("ends inside a group")
        self._depth -= 1
        return inner

    def _escape(self) -> Chars:
        letter = self._next("an escape")
        if letter.lower() in _CLASSES and letter in "dwsDWS":
            return Chars(_pairs(_CLASSES[letter.lower()]), negated=letter.isupper())
        code = ord(self._plain(letter))
        return Chars(((code, code),))

    def _plain(self, letter: str) -> str:
        if letter in LETTERS:
            return LETTERS[letter]
        if letter.isascii() and not letter.isalnum():
            return letter
        raise fault(f"has '\\{letter}', which not every engine knows")

    def _class(self) -> Chars:
        negated = self._peek() == "^"
        self._at += negated
        found: list[tuple[int, int]] = []
        while (char := self._next("a class")) != "]":
            if char == "[":
                raise fault("has '[' inside a class", "Write \\[ for the character.")
            if char == "\\" and self._peek() in _CLASSES:
                found += _pairs(_CLASSES[self._next("a class")])
                continue
            low = ord(self._plain(self._next("a class")) if char == "\\" else char)
            found.append((low, self._range_end(low)))
        if not found:
            raise fault("has an empty class")
        return Chars(_merged(found), negated)

    def _range_end(self, low: int) -> int:
        if self._peek() != "-" or self._spelt[self._at + 1 : self._at + 2] in ("]", ""):
            return low
        self._at += 1
        char = self._next("a class")
        if char == "[" or (char == "\\" and self._peek() in _CLASSES):
            raise fault("has a range that ends in a class")
        high = ord(self._plain(self._next("a class")) if char == "\\" else char)
        if high < low:
            raise fault(f"has the range {chr(low)}-{chr(high)}, which runs backwards")
        return high

    def _repeated(self, part: Node) -> Node:
        mark = self._peek()
        if mark == "{":
            low, high = self._counts()
        elif mark and mark in MARKS:
            self._at += 1
            low, high = MARKS[mark]
        else:
            return part
        if self._peek() in ("*", "+", "?", "{"):
            raise fault(
                "has a lazy, possessive or double quantifier", "One of * + ? {m,n} may follow a character or group."
            )
        return Repeat(part, low, high)

    def _counts(self) -> tuple[int, int | None]:
        match = _COUNTS.match(self._spelt, self._at)
        if match is None:
            raise fault("has '{' without a count", "Write {3}, {2,} or {2,5}, or \\{ for the character.")
        self._at = match.end()
        low = int(match[1])
        high = low if match[2] is None else int(match[3]) if match[3] else None
        if (high is not None and (high < low or high == 0)) or max(low, high or 0) > 255:
            raise fault(f"has the count {match[0]}", "Counts are at most 255, the smaller one first.")
        return low, high


def _pairs(spelt: str) -> Ranges:
    """Class letters, written as pairs with or without a dash: ``0-9``, ``__``."""
    bare = spelt.replace("-", "")
    return tuple((ord(a), ord(b)) for a, b in zip(bare[::2], bare[1::2], strict=True))


def _merged(spans: list[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)

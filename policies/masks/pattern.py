"""Patterns that mean the same to every engine: RE2, POSIX as in PostgreSQL, PCRE, ICU and Python.

Engines differ on which of several matches they take (Perl's first, POSIX's longest), on what a dot, a class letter and an
empty match are. So a pattern is read here into a tree, accepted only where it is *deterministic* (at each point the next
character alone says where in the pattern we are: then the first match is also the longest, and backtracking cannot
explode), and written anew in the spelling all engines share.

May stand in a pattern: characters, ``.`` (anything but a line feed), classes ``[a-z]`` ``[^,]``, ``\\d \\w \\s`` (ASCII),
``* + ? {m} {m,} {m,n}``, groups, ``|``, ``^`` at the start and ``$`` (the end of the text) at the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from policies.masks.registry import MaskFault

LONGEST = 1000
MOST_PLACES = 400
_LAST = 0x10FFFF
_META = frozenset("\\^$.|?*+()[]{}")
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_MARKS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_COUNTS = re.compile(r"\{(\d{1,3})(,(\d{1,3})?)?\}", re.ASCII)
_CLASSES = {"d": "0-9", "w": "0-9A-Z__a-z", "s": "\t\t\n\n\f\f\r\r  "}

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of ``ranges`` (sorted, apart), or none of them where ``negated``."""

    ranges: Ranges
    negated: bool = False

    def spans(self) -> Ranges:
        if not self.negated:
            return self.ranges
        edges = [0, *(edge for low, high in self.ranges for edge in (low, high + 1)), _LAST + 1]
        return tuple((a, b - 1) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b)

    def meets(self, other: Chars) -> bool:
        return any(a <= d and c <= b for a, b in self.spans() for c, d in other.spans())


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    part: Node
    low: int
    high: int | None


Node = Chars | Sequence | Choice | Repeat


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
        raise _fault(f"is empty or longer than {LONGEST} characters")
    if "\0" in spelt:
        raise _fault("holds a NUL character")
    start = spelt.startswith("^")
    end = spelt.endswith("$") and not _escaped(spelt, len(spelt) - 1)
    reader = _Reader(spelt[start : len(spelt) - end])
    body = reader.choice()
    if not reader.done:
        raise _fault("closes a group that is not open")
    if (start or end) and isinstance(body, Choice):
        raise _fault("has '|' beside '^' or '$'", "Put the alternatives in parentheses.")
    _check(body)
    return Pattern(body, start, end)


def _fault(what: str, hint: str | None = None) -> MaskFault:
    return MaskFault("CH443", f"The pattern {what}.", hint or "docs/masks.md, 'Patterns', lists what may stand in one.")


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
            raise _fault(f"ends inside {what}")
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
            raise _fault("has an empty alternative or group", "Write (..)? for something optional.")
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
            raise _fault(
                f"has '{char}' in the middle", "'^' stands first, '$' last; write \\^ or \\$ for the character."
            )
        if char in _META:
            raise _fault(f"has '{char}' where nothing can be repeated or closed", f"Write \\{char} for the character.")
        return Chars(((ord(char), ord(char)),))

    def _group(self) -> Node:
        if self._peek() == "?":
            if not self._spelt.startswith("?:", self._at):
                raise _fault("looks around or names a group", "Groups are (..) or (?:..).")
            self._at += 2
        self._depth += 1
        if self._depth > 20:
            raise _fault("nests groups more than 20 deep")
        inner = self.choice()
        if self._next("a group") != ")":
            raise _fault("ends inside a group")
        self._depth -= 1
        return inner

    def _escape(self) -> Chars:
        letter = self._next("an escape")
        if letter.lower() in _CLASSES and letter in "dwsDWS":
            return Chars(_pairs(_CLASSES[letter.lower()]), negated=letter.isupper())
        code = ord(self._plain(letter))
        return Chars(((code, code),))

    def _plain(self, letter: str) -> str:
        if letter in _LETTERS:
            return _LETTERS[letter]
        if letter.isascii() and not letter.isalnum():
            return letter
        raise _fault(f"has '\\{letter}', which not every engine knows")

    def _class(self) -> Chars:
        negated = self._peek() == "^"
        self._at += negated
        found: list[tuple[int, int]] = []
        while (char := self._next("a class")) != "]":
            if char == "[":
                raise _fault("has '[' inside a class", "Write \\[ for the character.")
            if char == "\\" and self._peek() in _CLASSES:
                found += _pairs(_CLASSES[self._next("a class")])
                continue
            low = ord(self._plain(self._next("a class")) if char == "\\" else char)
            found.append((low, self._range_end(low)))
        if not found:
            raise _fault("has an empty class")
        return Chars(_merged(found), negated)

    def _range_end(self, low: int) -> int:
        if self._peek() != "-" or self._spelt[self._at + 1 : self._at + 2] in ("]", ""):
            return low
        self._at += 1
        char = self._next("a class")
        if char == "[" or (char == "\\" and self._peek() in _CLASSES):
            raise _fault("has a range that ends in a class")
        high = ord(self._plain(self._next("a class")) if char == "\\" else char)
        if high < low:
            raise _fault(f"has the range {chr(low)}-{chr(high)}, which runs backwards")
        return high

    def _repeated(self, part: Node) -> Node:
        mark = self._peek()
        if mark == "{":
            low, high = self._counts()
        elif mark and mark in _MARKS:
            self._at += 1
            low, high = _MARKS[mark]
        else:
            return part
        if self._peek() in ("*", "+", "?", "{"):
            raise _fault(
                "has a lazy, possessive or double quantifier", "One of * + ? {m,n} may follow a character or group."
            )
        return Repeat(part, low, high)

    def _counts(self) -> tuple[int, int | None]:
        match = _COUNTS.match(self._spelt, self._at)
        if match is None:
            raise _fault("has '{' without a count", "Write {3}, {2,} or {2,5}, or \\{ for the character.")
        self._at = match.end()
        low = int(match[1])
        high = low if match[2] is None else int(match[3]) if match[3] else None
        if (high is not None and (high < low or high == 0)) or max(low, high or 0) > 255:
            raise _fault(f"has the count {match[0]}", "Counts are at most 255, the smaller one first.")
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


# --- writing: the one spelling every engine reads alike ----------------------------------------------------------------


def write(node: Node) -> str:
    match node:
        case Chars():
            return _write_chars(node)
        case Sequence():
            return "".join(_inner(part, (Choice,)) for part in node.parts)
        case Choice():
            return "|".join(write(part) for part in node.parts)
        case Repeat():
            return _inner(node.part, (Choice, Sequence, Repeat)) + _count(node)


def _inner(node: Node, grouped: tuple[type, ...]) -> str:
    return f"(?:{write(node)})" if isinstance(node, grouped) else write(node)


def _count(node: Repeat) -> str:
    for mark, counts in _MARKS.items():
        if counts == (node.low, node.high):
            return mark
    if node.high == node.low:
        return f"{{{node.low}}}"
    return f"{{{node.low},{'' if node.high is None else node.high}}}"


def _write_chars(chars: Chars) -> str:
    if not chars.negated and len(chars.ranges) == 1 and chars.ranges[0][0] == chars.ranges[0][1]:
        char = chr(chars.ranges[0][0])
        return "\\" + char if char in _META else char
    inside = "".join(
        _in_class(low) if low == high else _in_class(low) + ("-" if high > low + 1 else "") + _in_class(high)
        for low, high in chars.ranges
    )
    return f"[{'^' if chars.negated else ''}{inside}]"


def _in_class(code: int) -> str:
    for letter, char in _LETTERS.items():
        if ord(char) == code:
            return "\\" + letter
    return "\\" + chr(code) if chr(code) in "\\]^[-&~|" else chr(code)


# --- checking: deterministic, never empty -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A part's places in the Glushkov automaton: where it may begin and end, and whether it may match nothing."""

    nullable: bool
    first: frozenset[int]
    last: frozenset[int]


class _Automaton:
    def __init__(self) -> None:
        self.places: list[Chars] = []
        self.follow: dict[int, set[int]] = {}

    def part(self, node: Node) -> _Part:
        match node:
            case Chars():
                return self._place(node)
            case Sequence():
                return self._chain([self.part(item) for item in node.parts])
            case Choice():
                return self._any([self.part(item) for item in node.parts])
            case Repeat():
                return self._repeat(node)

    def _place(self, chars: Chars) -> _Part:
        if len(self.places) == MOST_PLACES:
            raise _fault(f"is longer than {MOST_PLACES} characters when its counts are written out")
        self.places.append(chars)
        at = len(self.places) - 1
        self.follow[at] = set()
        return _Part(False, frozenset({at}), frozenset({at}))

    def _chain(self, parts: list[_Part]) -> _Part:
        whole = parts[0]
        for part in parts[1:]:
            for place in whole.last:
                self.follow[place] |= part.first
            first = whole.first | part.first if whole.nullable else whole.first
            last = whole.last | part.last if part.nullable else part.last
            whole = _Part(whole.nullable and part.nullable, first, last)
        return whole

    def _any(self, parts: list[_Part]) -> _Part:
        if any(part.nullable for part in parts):
            raise _fault("has an alternative that may be empty", "Make the whole group optional: (a|b)?")
        return _Part(False, frozenset().union(*(p.first for p in parts)), frozenset().union(*(p.last for p in parts)))

    def _repeat(self, node: Repeat) -> _Part:
        copies = [self.part(node.part) for _ in range(max(node.low, node.high or 1))]
        if copies[0].nullable:
            raise _fault("repeats something that may be empty")
        if node.high is None:
            for place in copies[-1].last:
                self.follow[place] |= copies[-1].first
        # Optional copies nest, x(x(x)?)?, so that a copy is reached only through the one before it.
        whole: list[_Part] = []
        for at in reversed(range(len(copies))):
            inner = self._chain([copies[at], *whole])
            whole = [_Part(at >= node.low, inner.first, inner.last)]
        return whole[0]


def _check(body: Node) -> None:
    automaton = _Automaton()
    whole = automaton.part(body)
    if whole.nullable:
        raise _fault("can match nothing at all", "Engines differ on empty matches: demand at least one character.")
    for places in (whole.first, *automaton.follow.values()):
        for one, other in _clashes(sorted(places), automaton.places):
            raise _fault(
                f"is ambiguous: the same character can belong to {write(one)} and to {write(other)}",
                "Engines then differ on what they match. Exclude the second from the first, as in [^@]*@ for .*@",
            )


def _clashes(places: list[int], chars: list[Chars]) -> Iterator[tuple[Chars, Chars]]:
    for at, one in enumerate(places):
        for other in places[at + 1 :]:
            if chars[one].meets(chars[other]):
                yield chars[one], chars[other]

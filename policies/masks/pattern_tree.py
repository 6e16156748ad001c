"""The tree of a pattern, and its one spelling that every engine reads alike."""

from __future__ import annotations

from dataclasses import dataclass

from policies.masks.registry import MaskFault

META = frozenset("\\^$.|?*+()[]{}")
LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
MARKS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_LAST = 0x10FFFF

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


def fault(what: str, hint: str | None = None) -> MaskFault:
    return MaskFault("CH443", f"The pattern {what}.", hint or "docs/masks.md, 'Patterns', lists what may stand in one.")


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
    for mark, counts in MARKS.items():
        if counts == (node.low, node.high):
            return mark
    if node.high == node.low:
        return f"{{{node.low}}}"
    return f"{{{node.low},{'' if node.high is None else node.high}}}"


def _write_chars(chars: Chars) -> str:
    if not chars.negated and len(chars.ranges) == 1 and chars.ranges[0][0] == chars.ranges[0][1]:
        char = chr(chars.ranges[0][0])
        return "\\" + char if char in META else char
    inside = "".join(
        _in_class(low) if low == high else _in_class(low) + ("-" if high > low + 1 else "") + _in_class(high)
        for low, high in chars.ranges
    )
    return f"[{'^' if chars.negated else ''}{inside}]"


def _in_class(code: int) -> str:
    for letter, char in LETTERS.items():
        if ord(char) == code:
            return "\\" + letter
    return "\\" + chr(code) if chr(code) in "\\]^[-&~|" else chr(code)

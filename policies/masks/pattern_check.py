"""Accept only deterministic patterns that never match nothing: the Glushkov automaton of a pattern's tree.

Each character of the pattern (counts written out) is a place. Two places that may come next at one point must have no
character in common. Then the text alone decides the way through the pattern, a greedy engine's first match is the
longest match, and no engine ever needs to try twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from policies.masks.pattern_tree import Chars, Choice, Node, Repeat, Sequence, fault, write

MOST_PLACES = 400


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
            raise fault(f"is longer than {MOST_PLACES} characters when its counts are written out")
        self.places.append(chars)
        at = len(self.places) - 1
        self.follow[at] = set()
        return _Part(False, frozenset({at}), frozenset({at}))

    def _chain(self, parts: list[_Part]) -> _Part:
        whole = parts[0]
        for part in parts[1:]:
            self._link(whole.last, part.first)
            first = whole.first | part.first if whole.nullable else whole.first
            last = whole.last | part.last if part.nullable else part.last
            whole = _Part(whole.nullable and part.nullable, first, last)
        return whole

    def _link(self, places: frozenset[int], next_: frozenset[int]) -> None:
        for place in places:
            if self.follow[place] & next_:
                raise fault(
                    f"is ambiguous: {write(self.places[place])} is repeated inside a repetition",
                    "One of the two is enough: (a+)+ is a+",
                )
            self.follow[place] |= next_

    def _any(self, parts: list[_Part]) -> _Part:
        if any(part.nullable for part in parts):
            raise fault("has an alternative that may be empty", "Make the whole group optional: (a|b)?")
        return _Part(False, frozenset().union(*(p.first for p in parts)), frozenset().union(*(p.last for p in parts)))

    def _repeat(self, node: Repeat) -> _Part:
        copies = [self.part(node.part) for _ in range(max(node.low, node.high or 1))]
        if copies[0].nullable:
            raise fault("repeats something that may be empty")
        if node.high is None:
            self._link(copies[-1].last, copies[-1].first)
        # Optional copies nest, x(x(x)?)?, so that a copy is reached only through the one before it.
        whole: list[_Part] = []
        for at in reversed(range(len(copies))):
            inner = self._chain([copies[at], *whole])
            whole = [_Part(at >= node.low, inner.first, inner.last)]
        return whole[0]


def check(body: Node) -> None:
    """Raise `MaskFault` CH443 for a pattern whose meaning differs between engines."""
    automaton = _Automaton()
    whole = automaton.part(body)
    if whole.nullable:
        raise fault("can match nothing at all", "Engines differ on empty matches: demand at least one character.")
    for places in (whole.first, *automaton.follow.values()):
        for one, other in _clashes(sorted(places), automaton.places):
            raise fault(
                f"is ambiguous: the same character can belong to {write(one)} and to {write(other)}",
                "Engines then differ on what they match. Exclude the second from the first, as in [^@]*@ for .*@",
            )


def _clashes(places: list[int], chars: list[Chars]) -> Iterator[tuple[Chars, Chars]]:
    for at, one in enumerate(places):
        for other in places[at + 1 :]:
            if chars[one].meets(chars[other]):
                yield chars[one], chars[other]

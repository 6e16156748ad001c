"""Entry: the rows of one fetch, when the fetch began, and how much memory they take.

Rows are tuples of wire values (`schema.types`): text, numbers, flags, None, and parsed JSON. A row that holds anything
else is not kept, because it might come back as something else; its answer is given all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from sys import getsizeof

Row = tuple[object, ...]
Rows = Sequence[Row]

OVERHEAD = 600
"""Bytes that an entry takes beside its rows: key, deadline, its place in the order of use, this object, the list."""
_PLAIN = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Entry:
    """``began`` is on the monotonic clock of this process. ``weight`` is in bytes, and 0 where it was not weighed.

    The rows are shared by whoever gets the entry: nobody may change them."""

    began: float
    rows: Rows
    weight: int = 0


def weigh(rows: Rows, most: int) -> int | None:
    """The bytes that rows take in memory with an entry's overhead; None where they are more than ``most``, or not made
    of wire values alone."""
    weight = OVERHEAD + 8 * len(rows)
    for row in rows:
        if row.__class__ is not tuple:
            return None
        weight += getsizeof(row)
        if _PLAIN.issuperset(map(type, row)):
            weight += sum(map(getsizeof, row))
        else:
            inside = _structure(list(row))
            if inside is None:
                return None
            weight += inside
        if weight > most:
            return None
    return weight


def _structure(value: object) -> int | None:
    """The bytes of a parsed JSON value; None for one that is none."""
    weight, waiting = 0, [value]
    while waiting:
        one = waiting.pop()
        kind = one.__class__
        if kind is list:
            waiting.extend(one)  # type: ignore[arg-type]  # a list, by its class
        elif kind is dict:
            for name, member in one.items():  # type: ignore[attr-defined]
                if name.__class__ is not str:
                    return None
                weight += getsizeof(name)
                waiting.append(member)
        elif kind not in _PLAIN:
            return None
        weight += getsizeof(one)
    return weight

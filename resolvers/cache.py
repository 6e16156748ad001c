"""Bounded caches for compiled things: documents, plans, visible sets. Least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Bounded(Generic[Value]):
    """At most ``most`` values by key. Not for answers: those are bounded by bytes and shared through aiocache."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value under a key, made on a miss. What ``make`` raises is not kept."""
        values = self._values
        if key in values:
            values.move_to_end(key)
            return values[key]
        value = values[key] = make()
        if len(values) > self._most:
            values.popitem(last=False)
        return value

    def __len__(self) -> int:
        return len(self._values)

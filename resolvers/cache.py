"""Bounded caches for compiled things: documents, plans, visible sets. Least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Bounded(Generic[Value]):
    """At most ``most`` values by key. Not for answers: those are bounded by bytes and shared through aiocache.

    The event loop reads while the compiling thread writes: every step is one operation of the dictionary, and a value
    that another thread has just put out is still given.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value under a key, made on a miss. What ``make`` raises is not kept."""
        found = self.known(key)
        return self.keep(key, make()) if found is None else found

    def known(self, key: Hashable) -> Value | None:
        """The value under a key, if it is there."""
        values = self._values
        try:
            found = values[key]
            values.move_to_end(key)
        except KeyError:  # never there, or put out by another thread just now
            return None
        return found

    def keep(self, key: Hashable, value: Value) -> Value:
        """Put a value under a key; the same value back."""
        self._values[key] = value
        while len(self._values) > self._most:
            with suppress(KeyError):
                self._values.popitem(last=False)
        return value

    def __len__(self) -> int:
        return len(self._values)

"""Things that outlive a reload when nothing about them changed: open sources and issuers' key sets.

Each is known by what it was made from and counted by who uses it; the last user closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Generic, Protocol, TypeVar


class Closing(Protocol):
    async def close(self) -> None: ...


T = TypeVar("T", bound=Closing)


class Shared(Generic[T]):
    """Counted things by what they were made from."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[T, int]] = {}

    def __iter__(self) -> Iterator[T]:
        return iter([thing for thing, _ in self._kept.values()])

    def take(self, made_from: Hashable, make: Callable[[], T]) -> T:
        """The thing made from this, made now if nobody holds it."""
        thing, users = self._kept[made_from] if made_from in self._kept else (make(), 0)
        self._kept[made_from] = (thing, users + 1)
        return thing

    async def release(self, made_from: Hashable) -> None:
        """Give it back; the last one to do so closes it."""
        thing, users = self._kept[made_from]
        if users > 1:
            self._kept[made_from] = (thing, users - 1)
            return
        del self._kept[made_from]
        await thing.close()

"""Admission: how many statements run at once, in a zone and for one caller. One runs until its rows are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from resolvers.backends.stream import ArrowStream
from schema.errors import Refusal

if TYPE_CHECKING:
    import pyarrow as pa


class Admission:
    """``most`` statements of a zone at once in this process, ``each`` of one caller."""

    def __init__(self, most: int, each: int) -> None:
        self._most, self._each = most, each
        self._running: Counter[str] = Counter()

    @contextmanager
    def enter(self, caller: str) -> Iterator[Admitted]:
        """A place, for as long as the block lasts, or the stream that it keeps. Raises `Refusal` CH608."""
        if self._running[caller] >= self._each:
            raise _full(f"You have {self._each} statements running, which is the most for one caller.")
        if self._running.total() >= self._most:
            raise _full(f"{self._most} statements are running in this zone, which is the most at once.")
        self._running[caller] += 1
        admitted = Admitted(self, caller)
        try:
            yield admitted
        finally:
            if not admitted.kept:
                self.leave(caller)

    def leave(self, caller: str) -> None:
        self._running[caller] -= 1
        if self._running[caller] <= 0:
            del self._running[caller]


class Admitted:
    """One statement's place."""

    def __init__(self, admission: Admission, caller: str) -> None:
        self._admission, self._caller = admission, caller
        self.kept = False

    def keep(self, stream: ArrowStream) -> ArrowStream:
        """The stream, which holds the place until it is closed."""
        self.kept = True
        return _Holding(stream, self)

    def leave(self) -> None:
        if self.kept:
            self.kept = False
            self._admission.leave(self._caller)


class _Holding:
    def __init__(self, stream: ArrowStream, admitted: Admitted) -> None:
        self._stream, self._admitted = stream, admitted
        self.schema = stream.schema

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        async for batch in self._stream:
            yield batch

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            self._admitted.leave()


def _full(sentence: str) -> Refusal:
    return Refusal("CH608", sentence, "Wait for one to end, or end one.", status=429)

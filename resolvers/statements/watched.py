"""Watched: around the opening of one stream at a source: counted, and followed where somebody follows the request.

What is counted as the time of a statement ends where its rows begin: how fast they are read is the reader's doing.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING

from resolvers.backends.dialect import Statement
from resolvers.backends.stream import ArrowStream
from resolvers.followed import CANCELLED, FOLLOWED, Asking
from resolvers.observe import Observer
from schema.errors import Refusal

if TYPE_CHECKING:
    import pyarrow as pa


class Watched:
    """A context manager; what is opened in it is given to ``follow``."""

    def __init__(self, source: str, statement: Statement, observer: Observer) -> None:
        self._source, self._statement, self._observer = source, statement, observer
        self._asking: Asking | None = None

    def __enter__(self) -> Watched:
        followed = FOLLOWED.get()
        if followed is not None:
            self._asking = followed.asks(self._source, tuple, self._statement)
        self._started = time.perf_counter()
        return self

    def follow(self, stream: ArrowStream) -> ArrowStream:
        """The stream, whose end is told where somebody follows."""
        return stream if self._asking is None else _Followed(stream, self._asking)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._observer.source(self._source, time.perf_counter() - self._started)
        if isinstance(error, Refusal):
            self._observer.source_error(self._source, error.code)
        if error is not None and self._asking is not None:
            self._asking.ended(code=error.code if isinstance(error, Refusal) else CANCELLED)


class _Followed:
    """A stream, and what becomes of it told."""

    def __init__(self, stream: ArrowStream, asking: Asking) -> None:
        self.schema, self._stream, self._asking = stream.schema, stream, asking
        self._rows = 0

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        try:
            async for batch in self._stream:
                self._rows += batch.num_rows
                yield batch
        except Refusal as refusal:
            self._asking.ended(self._rows, refusal.code)
            raise

    async def aclose(self) -> None:
        self._asking.ended(self._rows)
        await self._stream.aclose()

"""Metered: a stream of rows that charges those that were taken, also of an answer that breaks off.

A statement's rows are of all products that it names: each is charged all of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from app.partners.door import Visit
from resolvers.backends.stream import ArrowStream

if TYPE_CHECKING:
    import pyarrow as pa


class Metered:
    """A stream for a visitor. The rows are charged before the answer's end is sent."""

    def __init__(self, stream: ArrowStream, visit: Visit, products: frozenset[str]) -> None:
        self._stream, self._visit, self._products, self._rows = stream, visit, products, 0
        self.schema = stream.schema

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        async for batch in self._stream:
            self._rows += batch.num_rows
            yield batch
        await self._charge()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            await self._charge()

    async def _charge(self) -> None:
        rows, self._rows = self._rows, 0
        if rows:
            await self._visit.streamed(rows, self._products)

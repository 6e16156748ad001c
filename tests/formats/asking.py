"""Answers to write: from DuckDB, or batches of one's own; and the body that a writer makes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import duckdb
import pyarrow as pa

from resolvers.backends.backend import Bounds
from resolvers.formats.choose import Format, Layout, writer_of
from resolvers.formats.column import columns
from resolvers.formats.compress import Compression
from resolvers.formats.encode import Tally, encoded
from resolvers.formats.writer import Writer
from schema.types import Type

WIDE = Bounds(10_000_000, 1 << 40)
FORMATS: tuple[Format, ...] = ("json", "ndjson", "csv", "arrow", "parquet")


def asked(sql: str) -> pa.Table:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.sql(sql).to_arrow_table()


class Stream:
    """Batches, an error after them if there is one, and what was done with them."""

    def __init__(self, table: pa.Table, rows: int = 1 << 20, error: BaseException | None = None) -> None:
        self.schema = table.schema
        self.given = self.closed = 0
        self._batches, self._error = table.to_batches(max_chunksize=rows), error

    async def __aiter__(self) -> AsyncIterator[pa.RecordBatch]:
        for batch in self._batches:
            self.given += 1
            yield batch
        if self._error is not None:
            raise self._error

    async def aclose(self) -> None:
        self.closed += 1


def writer(
    table: pa.Table, format_: Format, declared: Sequence[Type | None] | None = None, layout: Layout = "rows"
) -> Writer:
    said = declared if declared is not None else [None] * len(table.schema)
    return writer_of(format_, table.schema, columns(table.schema, said), layout)


async def body(
    table: pa.Table,
    format_: Format,
    declared: Sequence[Type | None] | None = None,
    rows: int = 1 << 20,
    layout: Layout = "rows",
    compression: Compression = "identity",
    tally: Tally | None = None,
) -> bytes:
    """All of it."""
    stream, made = Stream(table, rows), writer(table, format_, declared, layout)
    pieces = [piece async for piece in encoded(stream, made, WIDE, compression, tally=tally)]
    assert stream.closed == 1
    return b"".join(pieces)

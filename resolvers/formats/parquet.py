"""Parquet: pages compressed with zstd, row groups of bounded size, each written as soon as it is full.

Intervals are ISO 8601 strings, for which Parquet has no type; a repeated name is followed by ``_2``, ``_3`` ..., which
its readers need. An answer that broke off cannot say so: the footer is missing, and the body must not be ended.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from resolvers.formats.choose import MEDIA
from resolvers.formats.column import ResultColumn, distinct
from resolvers.formats.moments import intervals
from resolvers.formats.public import clothed, public
from resolvers.formats.sink import Sink
from resolvers.formats.writer import Bytes
from schema.errors import Refusal

GROUP_ROWS = 1 << 17
GROUP_BYTES = 16 << 20


class ParquetWriter:
    media = MEDIA["parquet"]

    def __init__(self, schema: pa.Schema, columns: Sequence[ResultColumn]) -> None:
        stored = pa.schema([_stored(field) for field in schema])
        self._schema = public(stored, columns, distinct([column.name for column in columns]))
        self._sink = Sink()
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._rows = self._bytes = 0  # of those that wait

    def start(self) -> Bytes:
        self._writer = pq.ParquetWriter(pa.PythonFile(self._sink, mode="w"), self._schema, compression="zstd")
        return self._sink.taken()

    def batch(self, batch: pa.RecordBatch) -> Bytes:
        arrays = [intervals(array) if pa.types.is_interval(array.type) else array for array in batch.columns]
        plain = pa.RecordBatch.from_arrays(arrays, names=self._schema.names)
        self._waiting.append(clothed(plain, self._schema))
        self._rows += batch.num_rows
        self._bytes += batch.nbytes
        if self._rows >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self._group()
        return self._sink.taken()

    def end(self) -> Bytes:
        self._group()
        if self._writer is not None:
            self._writer.close()
        return self._sink.taken()

    def fail(self, refusal: Refusal, request_id: str) -> Bytes | None:
        return None

    def _group(self) -> None:
        if self._waiting and self._writer is not None:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema), row_group_size=GROUP_ROWS * 8)
        self._waiting, self._rows, self._bytes = [], 0, 0


def _stored(field: pa.Field) -> pa.Field:
    return pa.field(field.name, pa.string()) if pa.types.is_interval(field.type) else field

"""NDJSON: one JSON object per row and line, no header line; what `jq` and data frames read.

Names of an object differ, so a repeated column name is followed by ``_2``, ``_3`` ... Types are not in the body; the
same question asked for JSON tells them. An answer that broke off ends with a line ``{"error": {..}}``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from resolvers.formats.choose import MEDIA
from resolvers.formats.column import ResultColumn, distinct
from resolvers.formats.json_value import key, laid_out, values
from resolvers.formats.writer import Bytes, error_of
from schema.errors import Refusal


class NdjsonWriter:
    media = MEDIA["ndjson"]

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._columns = columns
        keys = [key(name) for name in distinct([column.name for column in columns])]
        self._prefixes = [f"{',' if at else '{'}{name}:" for at, name in enumerate(keys)]

    def start(self) -> Bytes:
        return b""

    def batch(self, batch: pa.RecordBatch) -> Bytes:
        parts = [values(array, column.type) for array, column in zip(batch.columns, self._columns, strict=True)]
        return laid_out(self._prefixes, parts, "}\n")

    def end(self) -> Bytes:
        return b""

    def fail(self, refusal: Refusal, request_id: str) -> Bytes | None:
        return b'{"error":' + error_of(refusal, request_id) + b"}\n"

"""JSON by column: ``{"columns": [{"name", "type"}], "data": [[..], ..], "row_count": n}``, an array for each column.

The first column ends where the last row is known, so this layout cannot be streamed. It is held, up to ``most`` bytes
of text; more is CH602. Until the end no byte is sent, so that whatever goes wrong still has a status of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from resolvers.backends.failures import too_many_bytes
from resolvers.formats.choose import MEDIA
from resolvers.formats.column import ResultColumn, described
from resolvers.formats.json_value import laid_out, values
from resolvers.formats.writer import Bytes, error_of
from schema.errors import Refusal

MOST = 32 << 20
HINT = "Ask for rows instead of columns, which are sent as they come, or for fewer rows."


class JsonColumnsWriter:
    media = MEDIA["json"]

    def __init__(self, columns: Sequence[ResultColumn], most: int = MOST) -> None:
        self._columns, self._most = columns, most
        self._data = [bytearray() for _ in columns]
        self._rows = 0

    def start(self) -> Bytes:
        return b""

    def batch(self, batch: pa.RecordBatch) -> Bytes:
        for array, column, held in zip(batch.columns, self._columns, self._data, strict=True):
            held += laid_out([","], [values(array, column.type)], "")
        self._rows += batch.num_rows
        if sum(map(len, self._data)) > self._most:
            raise too_many_bytes(self._most, HINT)
        return b""

    def end(self) -> Bytes:
        data = b",".join(b"[" + held[1:] + b"]" for held in self._data)
        return self._head() + b"[" + data + b'],"row_count":%d}\n' % self._rows

    def fail(self, refusal: Refusal, request_id: str) -> Bytes | None:
        return self._head() + b'[],"error":' + error_of(refusal, request_id) + b"}\n"

    def _head(self) -> bytes:
        return b'{"columns":' + described(self._columns) + b',"data":'

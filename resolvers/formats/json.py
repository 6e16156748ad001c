"""JSON: ``{"columns": [{"name", "type"}], "rows": [[..], ..], "row_count": n}``, a row on a line.

Rows are arrays, so that columns of one name lose nothing. ``row_count`` comes last and only when all rows are there;
an answer that broke off has ``error`` instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from resolvers.formats.choose import MEDIA
from resolvers.formats.column import ResultColumn, described
from resolvers.formats.json_value import laid_out, values
from resolvers.formats.writer import Bytes, error_of
from schema.errors import Refusal


class JsonWriter:
    media = MEDIA["json"]

    def __init__(self, columns: Sequence[ResultColumn]) -> None:
        self._columns = columns
        self._prefixes = [",\n[", *[","] * (len(columns) - 1)]
        self._rows = 0

    def start(self) -> Bytes:
        return b'{"columns":' + described(self._columns) + b',"rows":['

    def batch(self, batch: pa.RecordBatch) -> Bytes:
        parts = [values(array, column.type) for array, column in zip(batch.columns, self._columns, strict=True)]
        written = laid_out(self._prefixes, parts, "]")
        first = self._rows == 0
        self._rows += batch.num_rows
        return written[1:] if first else written

    def end(self) -> Bytes:
        return b'\n],"row_count":%d}\n' % self._rows

    def fail(self, refusal: Refusal, request_id: str) -> Bytes | None:
        return b'\n],"error":' + error_of(refusal, request_id) + b"}\n"

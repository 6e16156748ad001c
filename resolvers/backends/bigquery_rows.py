"""BigQuery: the pages of a query's answer as rows. The API sends every value as text, beside a schema.

The dialect's statements have columns of text, numbers, booleans and bytes; what else a statement gives stays the text
that it is sent as.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Read = Callable[[str], object]

_READ: Mapping[str, Read] = {
    "INTEGER": int,
    "INT64": int,
    "FLOAT": float,
    "FLOAT64": float,
    "BOOLEAN": "true".__eq__,
    "BOOL": "true".__eq__,
    "BYTES": base64.b64decode,
}


class Rows:
    """Reads the pages of one answer."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        fields = schema.get("fields", [])
        self._reads = [None if field.get("mode") == "REPEATED" else _READ.get(field["type"]) for field in fields]

    def of(self, page: Mapping[str, Any]) -> list[tuple[object, ...]]:
        reads = self._reads
        rows: Sequence[Mapping[str, Any]] = page.get("rows", ())
        if not any(reads):
            return [tuple([cell["v"] for cell in row["f"]]) for row in rows]
        return [
            tuple(
                [
                    cell["v"] if read is None or cell["v"] is None else read(cell["v"])
                    for read, cell in zip(reads, row["f"], strict=True)
                ]
            )
            for row in rows
        ]

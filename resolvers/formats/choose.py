"""Choose: the format of an answer by its name. Needs no Arrow until a writer is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

    from resolvers.formats.column import ResultColumn
    from resolvers.formats.writer import Writer

Format = Literal["json", "ndjson", "csv", "arrow", "parquet"]
Layout = Literal["rows", "columns"]

MEDIA: Mapping[Format, str] = {
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
"""In order of preference: the first is the default."""


def by_name(name: str) -> Format | None:
    return next((format_ for format_ in MEDIA if format_ == name), None)


def writer_of(format_: Format, schema: pa.Schema, columns: Sequence[ResultColumn], layout: Layout = "rows") -> Writer:
    """A new writer for one answer. ``layout`` matters to JSON alone."""
    if format_ == "json" and layout == "columns":
        from resolvers.formats.json_columns import JsonColumnsWriter

        return JsonColumnsWriter(columns)
    if format_ == "json":
        from resolvers.formats.json import JsonWriter

        return JsonWriter(columns)
    if format_ == "ndjson":
        from resolvers.formats.ndjson import NdjsonWriter

        return NdjsonWriter(columns)
    if format_ == "csv":
        from resolvers.formats.csv import CsvWriter

        return CsvWriter(columns)
    if format_ == "arrow":
        from resolvers.formats.arrow import ArrowWriter

        return ArrowWriter(schema, columns)
    from resolvers.formats.parquet import ParquetWriter

    return ParquetWriter(schema, columns)

"""Public: an Arrow schema as a caller may see it.

What an engine or driver wrote into a schema's metadata (its own type names, tables) is left out; in its place each
field says its logical type, under ``customhouse.type``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from resolvers.formats.column import ResultColumn


def public(schema: pa.Schema, columns: Sequence[ResultColumn], names: Sequence[str] | None = None) -> pa.Schema:
    """The same types and order, names as given or those of the columns."""
    called = names if names is not None else [column.name for column in columns]
    return pa.schema(
        [
            pa.field(name, _bare(field.type), metadata={"customhouse.type": str(column.type)})
            for name, field, column in zip(called, schema, columns, strict=True)
        ]
    )


def clothed(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch's values under another schema of the same layout."""
    arrays = [
        array if array.type.equals(field.type, check_metadata=True) else _again(array, field.type)
        for array, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _bare(type_: pa.DataType) -> pa.DataType:
    """Without the metadata of fields inside."""
    if pa.types.is_list(type_):
        return pa.list_(pa.field(type_.value_field.name, _bare(type_.value_type)))
    if pa.types.is_large_list(type_):
        return pa.large_list(pa.field(type_.value_field.name, _bare(type_.value_type)))
    if pa.types.is_struct(type_):
        return pa.struct([pa.field(field.name, _bare(field.type)) for field in type_])
    return type_


def _again(array: pa.Array, type_: pa.DataType) -> pa.Array:
    return array.cast(type_)

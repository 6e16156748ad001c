"""The SQL types of logical types, as sqlglot spells them for every engine."""

from __future__ import annotations

from functools import cache

from sqlglot import exp

from schema.trees import copied
from schema.types import Kind, Type

WORDS = {
    Kind.BOOLEAN: "BOOLEAN",
    Kind.INTEGER: "INT",
    Kind.BIGINT: "BIGINT",
    Kind.FLOAT: "DOUBLE",
    Kind.STRING: "TEXT",
    Kind.DATE: "DATE",
    Kind.TIME: "TIME",
    Kind.DATETIME: "TIMESTAMP",
    Kind.TIMESTAMP: "TIMESTAMPTZ",
    Kind.INTERVAL: "INTERVAL",
    Kind.UUID: "UUID",
    Kind.JSON: "JSON",
    Kind.BYTES: "VARBINARY",
}


def data_type(type_: Type) -> exp.DataType:
    """The sqlglot type for a cast to this logical type."""
    return copied(_data_type(type_))


@cache
def _data_type(type_: Type) -> exp.DataType:
    if type_.kind is Kind.ARRAY and type_.item is not None:
        return exp.DataType(this=exp.DataType.Type.ARRAY, expressions=[data_type(type_.item)], nested=True)
    if type_.kind is Kind.STRUCT:
        fields = [exp.ColumnDef(this=exp.to_identifier(n, quoted=True), kind=data_type(t)) for n, t in type_.fields]
        return exp.DataType(this=exp.DataType.Type.STRUCT, expressions=fields, nested=True)
    if type_.kind is Kind.DECIMAL:
        spelt = f"DECIMAL({type_.precision}, {type_.scale or 0})" if type_.precision is not None else "DECIMAL(38, 9)"
        return exp.DataType.build(spelt)
    return exp.DataType.build(WORDS[type_.kind])

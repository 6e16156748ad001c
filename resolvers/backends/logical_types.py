"""From a sqlglot data type to the logical type it stands for in the planner's SQL."""

from __future__ import annotations

from sqlglot import exp

from schema.types import Kind, Type

_T = exp.DataType.Type
_KINDS = {
    _T.BOOLEAN: Kind.BOOLEAN,
    _T.INT: Kind.INTEGER,
    _T.SMALLINT: Kind.INTEGER,
    _T.BIGINT: Kind.BIGINT,
    _T.DOUBLE: Kind.FLOAT,
    _T.FLOAT: Kind.FLOAT,
    _T.TEXT: Kind.STRING,
    _T.VARCHAR: Kind.STRING,
    _T.DATE: Kind.DATE,
    _T.TIME: Kind.TIME,
    _T.TIMESTAMP: Kind.DATETIME,
    _T.DATETIME: Kind.DATETIME,
    _T.TIMESTAMPTZ: Kind.TIMESTAMP,
    _T.INTERVAL: Kind.INTERVAL,
    _T.UUID: Kind.UUID,
    _T.JSON: Kind.JSON,
    _T.VARBINARY: Kind.BYTES,
}


def type_of(data_type: exp.DataType) -> Type | None:
    """The logical type, or None where there is none."""
    if data_type.this is _T.DECIMAL:
        sizes = [int(size.name) for size in data_type.expressions]
        return (
            Type(Kind.DECIMAL, precision=sizes[0], scale=sizes[1] if len(sizes) > 1 else 0)
            if sizes
            else Type(Kind.DECIMAL)
        )
    if data_type.this is _T.ARRAY and data_type.expressions:
        item = type_of(data_type.expressions[0])
        return None if item is None else Type(Kind.ARRAY, item=item)
    if data_type.this is _T.STRUCT:
        fields = [(field.name, type_of(field.args["kind"])) for field in data_type.expressions]
        known = tuple((name, type_) for name, type_ in fields if type_ is not None)
        return Type(Kind.STRUCT, fields=known) if len(known) == len(fields) else None
    kind = _KINDS.get(data_type.this)
    return None if kind is None else Type(kind)

"""Columns: the logical type of each column of an answer, from what the catalog says and what Arrow holds.

The catalog's word holds where the Arrow type agrees with it: a uuid is a string in Arrow, an integer may arrive as 64
bits. Otherwise the Arrow type speaks, as for every computed column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import pyarrow as pa

from schema.types import Kind, Type


@dataclass(frozen=True, slots=True)
class ResultColumn:
    name: str
    type: Type


def columns(schema: pa.Schema, declared: Sequence[Type | None]) -> tuple[ResultColumn, ...]:
    """One per field, in order; names may repeat. Raises ValueError for an Arrow type without a logical one."""
    return tuple(
        ResultColumn(field.name, said if said and pa.types.is_null(field.type) else _agreed(said, logical(field.type)))
        for field, said in zip(schema, declared, strict=True)
    )


def described(columns: Sequence[ResultColumn]) -> bytes:
    """``[{"name": .., "type": ..}, ..]``, as in a JSON answer."""
    return orjson.dumps([{"name": column.name, "type": str(column.type)} for column in columns])


def distinct(names: Sequence[str]) -> list[str]:
    """The names, a repeated one followed by ``_2``, ``_3`` ..: the first number that no other column has."""
    taken, found = set(names), []
    seen: dict[str, int] = {}
    for name in names:
        if name in seen:
            number = seen[name] + 1
            while f"{name}_{number}" in taken:
                number += 1
            seen[name] = number
            name = f"{name}_{number}"
            taken.add(name)
        seen.setdefault(name, 1)
        found.append(name)
    return found


def logical(type_: pa.DataType) -> Type:
    """The logical type of an Arrow type. Raises ValueError where there is none."""
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return Type(Kind.ARRAY, item=logical(type_.value_type))
    if pa.types.is_struct(type_):
        return Type(Kind.STRUCT, fields=tuple((field.name, logical(field.type)) for field in type_))
    if pa.types.is_decimal(type_):
        return Type(Kind.DECIMAL, precision=type_.precision, scale=type_.scale)
    if pa.types.is_timestamp(type_):
        return Type(Kind.DATETIME if type_.tz is None else Kind.TIMESTAMP)
    for is_kind, kind in _KINDS:
        if is_kind(type_):
            return Type(kind)
    raise ValueError(f"no logical type stands for Arrow's {type_}")


def _is_small(type_: pa.DataType) -> bool:
    return pa.types.is_integer(type_) and type_ not in (pa.int64(), pa.uint64(), pa.uint32())


_KINDS = (
    (pa.types.is_boolean, Kind.BOOLEAN),
    (_is_small, Kind.INTEGER),
    (pa.types.is_integer, Kind.BIGINT),
    (pa.types.is_floating, Kind.FLOAT),
    (pa.types.is_string, Kind.STRING),
    (pa.types.is_large_string, Kind.STRING),
    (pa.types.is_null, Kind.STRING),
    (pa.types.is_date32, Kind.DATE),
    (pa.types.is_time, Kind.TIME),
    (pa.types.is_interval, Kind.INTERVAL),
    (pa.types.is_binary, Kind.BYTES),
    (pa.types.is_large_binary, Kind.BYTES),
)
_ALSO = {
    Kind.INTEGER: (Kind.BIGINT,),
    Kind.BIGINT: (Kind.INTEGER,),
    Kind.DECIMAL: (Kind.STRING,),  # of any precision, which Arrow's decimals cannot hold
    Kind.UUID: (Kind.STRING,),
    Kind.JSON: (Kind.STRING,),
    Kind.TIMESTAMP: (Kind.DATETIME,),  # without a zone it is in UTC, as everywhere
}


def _agreed(said: Type | None, held: Type) -> Type:
    """What was declared where it fits what is held, part by part of an array or struct; else what is held."""
    if said is None:
        return held
    if said.kind is Kind.ARRAY and held.item is not None:
        return Type(Kind.ARRAY, item=_agreed(said.item, held.item))
    if said.kind is Kind.STRUCT and held.kind is Kind.STRUCT:
        names = [name for name, _ in held.fields]
        if [name for name, _ in said.fields] != names:
            return held
        parts = zip(said.fields, held.fields, strict=True)
        return Type(Kind.STRUCT, fields=tuple((name, _agreed(type_, inner)) for (name, type_), (_, inner) in parts))
    if said.kind is Kind.DECIMAL and held.kind is Kind.DECIMAL:
        return said if said.scale in (None, held.scale) else held
    return said if said.kind is held.kind or held.kind in _ALSO.get(said.kind, ()) else held

"""Rows of a driver that knows no Arrow, as Arrow. The columns' types are fixed with the first rows and stay.

1. What the driver says of a column decides, where it says it (MariaDB and MySQL do, SQLite does not).
2. Else the values of the first rows do: booleans, whole numbers (int64), numbers (float64), decimals (string, exact),
   texts, bytes, dates, moments (in UTC where they have a zone), times. A mixture is string, and so is a column that
   holds nothing but NULL in the first rows, whatever comes later.
3. Later values are given that type: all of them can be a string, whole numbers can be floats; what cannot be (a text
   among whole numbers) raises ValueError, TypeError or one of pyarrow's kinds of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import orjson
import pyarrow as pa

from resolvers.backends.arrow_types import UTC_MOMENT

_INT64 = range(-(2**63), 2**63)
_BY_CLASS = {
    bool: pa.bool_(),
    int: pa.int64(),
    float: pa.float64(),
    bytes: pa.binary(),
    date: pa.date32(),
    time: pa.time64("us"),
    timedelta: pa.time64("us"),
}


class Table:
    """The columns of one statement. ``declared`` is what the driver says of each, by position."""

    def __init__(
        self, names: Sequence[str], declared: Sequence[pa.DataType | None], first: Sequence[Sequence[object]]
    ) -> None:
        columns = list(zip(*first, strict=True)) or [()] * len(names)
        types = [
            known if known is not None else _inferred(values) for known, values in zip(declared, columns, strict=True)
        ]
        self.schema = pa.schema([pa.field(name, type_) for name, type_ in zip(names, types, strict=True)])

    def batch(self, rows: Sequence[Sequence[object]]) -> pa.RecordBatch:
        columns = list(zip(*rows, strict=True)) or [()] * len(self.schema)
        arrays = [_array(values, type_) for values, type_ in zip(columns, self.schema.types, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _inferred(values: Sequence[object]) -> pa.DataType:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {datetime}:
        zoned = any(isinstance(value, datetime) and value.tzinfo is not None for value in values)
        return UTC_MOMENT if zoned else pa.timestamp("us")
    if kinds == {int} and not all(value in _INT64 for value in values if isinstance(value, int)):
        return pa.string()
    if len(kinds) == 1:
        return _BY_CLASS.get(kinds.pop(), pa.string())
    return pa.float64() if kinds == {int, float} else pa.string()


def _array(values: Sequence[object], type_: pa.DataType) -> pa.Array:
    if pa.types.is_string(type_):
        return pa.array([_text(value) for value in values], type_)
    if pa.types.is_floating(type_):
        return pa.array([None if value is None else _float(value) for value in values], type_)
    if pa.types.is_time(type_):
        return pa.array([_time(value) for value in values], type_)
    return pa.array(values, type_)


def _text(value: object) -> str | None:
    match value:
        case None | str():
            return value
        case bytes():
            return value.decode()
        case UUID():
            return str(value)
        case Decimal():
            return format(value, "f")
        case dict() | list():
            return orjson.dumps(value).decode()
        case _:
            return str(value)


def _float(value: object) -> float:
    if isinstance(value, int | float | Decimal):
        return float(value)
    raise ValueError("not a number, in a column of numbers")


def _time(value: object) -> object:
    if not isinstance(value, timedelta):
        return value
    if not timedelta(0) <= value < timedelta(days=1):
        raise ValueError("a time outside of a day")
    return (datetime.min + value).time()

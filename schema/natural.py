"""What Python value stands for a value of each logical type, where no engine does the typing.

string str; integer and bigint int; float float; decimal Decimal; boolean bool; date date; time naive time; datetime
naive datetime; timestamp aware datetime; uuid UUID; bytes bytes; array list or tuple; struct mapping; json and interval
anything. NaN, and decimals that are not finite, count as unknown: engines compare them in different ways.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Context, Decimal
from uuid import UUID

from schema.types import Kind, Type

EXACT = Context(prec=200)
"""For computing with what engines hold: decimals of up to 38 digits, and products of them."""


def settled(value: object, type_: Type) -> object:
    """The value, exactly widened (int to float or Decimal), or None where it is not of the type: what a source sends
    untyped counts as unknown, so that no rule is decided by it."""
    kind = type_.kind
    if value is None or isinstance(value, bool):
        return value if kind in (Kind.BOOLEAN, Kind.JSON) else None
    if isinstance(value, int) and kind is Kind.FLOAT:
        return float(value) if abs(value) <= 2**53 else None
    if isinstance(value, int) and kind is Kind.DECIMAL:
        return Decimal(value)
    return value if _IS[kind](value) else None


def _instant(value: object) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


_IS: Mapping[Kind, Callable[[object], bool]] = {
    Kind.BOOLEAN: lambda value: isinstance(value, bool),
    Kind.INTEGER: lambda value: isinstance(value, int) and -(2**31) <= value < 2**31,
    Kind.BIGINT: lambda value: isinstance(value, int) and -(2**63) <= value < 2**63,
    Kind.DECIMAL: lambda value: isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 100,
    Kind.FLOAT: lambda value: isinstance(value, float) and not math.isnan(value),
    Kind.STRING: lambda value: isinstance(value, str),
    Kind.DATE: lambda value: isinstance(value, date) and not isinstance(value, datetime),
    Kind.TIME: lambda value: isinstance(value, time) and value.tzinfo is None,
    Kind.DATETIME: lambda value: isinstance(value, datetime) and value.tzinfo is None,
    Kind.TIMESTAMP: _instant,
    Kind.INTERVAL: lambda value: True,
    Kind.UUID: lambda value: isinstance(value, UUID),
    Kind.JSON: lambda value: True,
    Kind.BYTES: lambda value: isinstance(value, bytes),
    Kind.ARRAY: lambda value: isinstance(value, list | tuple),
    Kind.STRUCT: lambda value: isinstance(value, Mapping),
}

"""Values a steward writes for a mask (constants, map entries): read strictly for the column's type, spelt in SQL."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from sqlglot import exp

from policies.masks.exact import RANGES, natural
from policies.masks.registry import MaskFault
from policies.masks.terms import number, text
from schema.sqltype import data_type
from schema.types import Kind, Type

WRITABLE = frozenset(Kind) - {Kind.ARRAY, Kind.STRUCT, Kind.JSON, Kind.INTERVAL, Kind.BYTES}


def read(value: object, type_: Type, what: str) -> object:
    """The value in its natural Python type. Raises `MaskFault` CH442 where it is not of the column's type."""
    try:
        found = _read(value, type_)
    except (ValueError, InvalidOperation, OverflowError):
        found = None
    if found is None:
        raise MaskFault("CH442", f"{what} is {value!r}, which is not a {type_}.", _FORMS.get(type_.kind))
    return found


_FORMS = {
    Kind.DATE: "Write dates as 2013-01-31.",
    Kind.TIME: "Write times in quotes, '23:59:59'.",
    Kind.DATETIME: "Write datetimes as '2013-01-31 23:59:59'.",
    Kind.TIMESTAMP: "A timestamp is an instant: write it with its zone, '2013-01-31 23:59:59Z'.",
    Kind.STRING: "Put text in quotes.",
}


def _read(value: object, type_: Type) -> object:
    match type_.kind:
        case Kind.STRING:
            return value if isinstance(value, str) and "\0" not in value else None
        case Kind.BOOLEAN:
            return value if isinstance(value, bool) else None
        case Kind.INTEGER | Kind.BIGINT:
            low, high = RANGES[type_.kind]
            return value if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high else None
        case Kind.DECIMAL:
            return _decimal(value, type_)
        case Kind.FLOAT:
            plain = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            return float(value) if plain and isinstance(value, (int, float)) else None
        case Kind.UUID:
            return uuid.UUID(value) if isinstance(value, str) else None
        case _:
            return _moment(value, type_.kind)


def _decimal(value: object, type_: Type) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    exact = Decimal(str(value))
    return natural(Fraction(exact), type_) if exact.is_finite() and abs(exact.adjusted()) < 100 else None


def _moment(value: object, kind: Kind) -> date | time | datetime | None:
    if kind is Kind.TIME:
        clock = time.fromisoformat(value) if isinstance(value, str) else None
        return clock if clock is not None and clock.tzinfo is None else None
    if kind is Kind.DATE:
        if isinstance(value, datetime):
            return None
        return value if isinstance(value, date) else date.fromisoformat(value) if isinstance(value, str) else None
    if kind not in (Kind.DATETIME, Kind.TIMESTAMP):
        return None
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(instant, datetime) or (instant.tzinfo is None) is (kind is Kind.TIMESTAMP):
        return None
    return instant if instant.tzinfo is None else instant.astimezone(UTC)


def literal(value: object, type_: Type) -> exp.Expression:
    """The value in SQL, of the column's type in every engine."""
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int) and type_.kind is Kind.INTEGER:
        return number(value)
    return exp.Cast(this=text(_spell(value)), to=data_type(type_))


def _spell(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("ascii")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else repr(value) if isinstance(value, float) else str(value)

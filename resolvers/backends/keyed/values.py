"""What feature stores and models send, as natural Python values of a column's type.

Stores keep everything as text, JSON knows no decimals, and models answer with flat numbers: the catalog says what a
value is. Raises ValueError without the value in it (it may be anybody's) for what is none of the type.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import orjson

from resolvers.natural import natural
from schema.natural import settled
from schema.types import Kind, Type

_WHOLE = frozenset({Kind.INTEGER, Kind.BIGINT})
_SHORT = 10  # fewer digits fit into 32 bits
_PLAIN = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?", re.ASCII)
_EPOCH = frozenset({Kind.TIMESTAMP, Kind.DATETIME})
_EPOCH_BEGAN = datetime(1970, 1, 1, tzinfo=UTC)
_TRUE, _FALSE = frozenset({"true", "t", "1", "yes"}), frozenset({"false", "f", "0", "no"})


def from_text(text: str | None, type_: Type) -> object:
    """The value of a text: numbers in digits, dates and times in ISO 8601 (an instant without a zone is UTC's),
    booleans as true/false or 1/0, arrays and structs as JSON; an empty text is null, but for strings."""
    if text is None or (text == "" and type_.kind is not Kind.STRING):
        return None
    if type_.kind is Kind.STRING:
        return text
    if type_.kind is Kind.INTEGER and len(text) < _SHORT and text.isdecimal() and text.isascii():
        return int(text)
    if type_.kind is Kind.FLOAT and _PLAIN.fullmatch(text):
        return float(text)
    if type_.kind in (Kind.ARRAY, Kind.STRUCT, Kind.JSON):
        return from_json(_loaded(text, type_), type_)
    if type_.kind is Kind.BOOLEAN:
        word = text.strip().lower()
        if word not in _TRUE | _FALSE:
            raise _unfit(type_)
        return word in _TRUE
    try:
        return _checked(_whole(Decimal(text)) if type_.kind in _WHOLE else natural(text, type_), type_)
    except (ValueError, ArithmeticError):
        raise _unfit(type_) from None


def from_json(value: object, type_: Type) -> object:
    """The value of what JSON or a driver gave: also Python's own dates and decimals, whole floats for integers, and
    seconds since 1970 for instants."""
    try:
        return _from_json(value, type_)
    except (ValueError, ArithmeticError):  # of Python's own conversions too, whose words may quote the value
        raise _unfit(type_) from None


def _from_json(value: object, type_: Type) -> object:
    if value is None or type_.kind is Kind.JSON:
        return value
    if type_.kind is Kind.ARRAY:
        return [from_json(item, type_.item or type_) for item in _items(value, type_)]
    if type_.kind is Kind.STRUCT:
        if not isinstance(value, dict):
            raise _unfit(type_)
        return {name: from_json(value.get(name), inner) for name, inner in type_.fields}
    if isinstance(value, str):
        return value if type_.kind is Kind.STRING else from_text(value, type_)
    if type_.kind in _WHOLE and isinstance(value, float | Decimal):
        return _checked(_whole(Decimal(value)), type_)
    if type_.kind is Kind.BOOLEAN and isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if type_.kind in _EPOCH and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        moment = _EPOCH_BEGAN + timedelta(seconds=float(value))
        return moment if type_.kind is Kind.TIMESTAMP else moment.replace(tzinfo=None)
    if type_.kind is Kind.DECIMAL and isinstance(value, float):
        return _checked(Decimal(repr(value)), type_)
    if type_.kind is Kind.FLOAT and isinstance(value, Decimal):
        return float(value)
    return _checked(value, type_)


def to_text(value: object) -> str:
    """A key's value as stores spell it: ISO 8601, plain digits, true and false. Raises ValueError for an instant that
    is beyond the calendar in UTC."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime) and value.tzinfo is not None:
        try:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        except OverflowError:
            raise ValueError("an instant is beyond the calendar in UTC") from None
    if isinstance(value, date | time):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _whole(number: Decimal) -> int:
    # Before it is made an int: 1e999999999 is short to write and takes minutes to count.
    if not number.is_finite() or number.adjusted() > 38 or number != int(number):
        raise ValueError("no whole number")
    return int(number)


def _checked(value: object, type_: Type) -> object:
    if isinstance(value, datetime) and type_.kind is Kind.TIMESTAMP and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    if isinstance(value, float) and value != value:
        return None
    found = settled(value, type_)
    if found is None:
        raise _unfit(type_)
    return found


def _loaded(text: str, type_: Type) -> object:
    try:
        return orjson.loads(text)
    except ValueError:
        raise _unfit(type_) from None


def _items(value: object, type_: Type) -> list[object]:
    if not isinstance(value, list | tuple):
        raise _unfit(type_)
    return list(value)


def _unfit(type_: Type) -> ValueError:
    return ValueError(f"a value is not of the type {type_}")

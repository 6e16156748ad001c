"""Natural Python values to wire form (schema.types): what sources without SQL send, as every other source's values."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, localcontext

from schema.natural import EXACT
from schema.types import Kind, Type


def wire(value: object, type_: Type) -> object:
    """A natural value of the type in the form it is sent in."""
    if value is None:
        return None
    if type_.kind is Kind.ARRAY and isinstance(value, list | tuple):
        inner = type_.item
        return [wire(item, inner) for item in value] if inner is not None else None
    if type_.kind is Kind.STRUCT and isinstance(value, Mapping):
        return {name: wire(value.get(name), inner) for name, inner in type_.fields}
    if type_.kind is Kind.DECIMAL and type_.scale is not None and isinstance(value, Decimal) and value.is_finite():
        value = _scaled(value, type_.scale)
    write = _WRITE.get(type_.kind)
    return value if write is None else write(value)


def writer(type_: Type) -> Callable[[object], object] | None:
    """What writes values of a type; None where they are sent as they are."""
    if type_.kind in (Kind.ARRAY, Kind.STRUCT, Kind.DECIMAL):
        return lambda value: wire(value, type_)
    return _WRITE.get(type_.kind)


def comparer(type_: Type) -> Callable[[object], object] | None:
    """The same for values that a filter compares and nobody is shown: an infinity is what it is, as in SQL."""
    return _number if type_.kind is Kind.FLOAT else writer(type_)


def _number(value: object) -> object:
    return value if isinstance(value, int | float) and not math.isnan(value) else None


def _float(value: object) -> object:
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def _decimal(value: object) -> object:
    return f"{value:f}" if isinstance(value, Decimal) and value.is_finite() else None


def _scaled(value: Decimal, scale: int) -> Decimal:
    """With as many digits as its type has, where that loses none."""
    with localcontext(EXACT):
        scaled = value.quantize(Decimal(1).scaleb(-scale))
    return scaled if scaled == value else value


def _moment(value: object) -> object:
    return value.isoformat() if isinstance(value, date | time) else None


def _instant(value: object) -> object:
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def _bytes(value: object) -> object:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else None


_WRITE: Mapping[Kind, Callable[[object], object]] = {
    Kind.BIGINT: str,
    Kind.DECIMAL: _decimal,
    Kind.FLOAT: _float,
    Kind.DATE: _moment,
    Kind.TIME: _moment,
    Kind.DATETIME: _moment,
    Kind.TIMESTAMP: _instant,
    Kind.UUID: str,
    Kind.BYTES: _bytes,
}

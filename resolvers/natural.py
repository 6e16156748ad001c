"""Wire values back to natural Python values, to bind a value that an engine gave us in wire form (keys, cursors)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from functools import partial
from uuid import UUID

from schema.types import Kind, Type

_READ: dict[Kind, Callable[[str], object]] = {
    Kind.INTEGER: int,
    Kind.BIGINT: int,
    Kind.DECIMAL: Decimal,
    Kind.FLOAT: float,
    Kind.BOOLEAN: lambda text: text == "true",
    Kind.DATE: date.fromisoformat,
    Kind.TIME: time.fromisoformat,
    Kind.DATETIME: datetime.fromisoformat,
    Kind.TIMESTAMP: datetime.fromisoformat,
    Kind.UUID: UUID,
    Kind.BYTES: partial(base64.b64decode, validate=True),
}


def natural(value: object, type_: Type) -> object:
    """The Python value of a scalar in wire form or text form. Raises ValueError for a text that is none."""
    read = _READ.get(type_.kind)
    if value is None or read is None:
        return value
    if isinstance(value, str):
        return read(value)
    if type_.kind is Kind.FLOAT and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value

"""DynamoDB's attributes, to and from natural Python values. Numbers are exact both ways: they travel as digits."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal

from resolvers.backends.keyed.values import from_json, to_text
from schema.types import Kind, Type

Attribute = Mapping[str, object]
_MOST = {"S": 1024, "B": 1024}


def key_attribute(value: object) -> Attribute | None:
    """A part of a key: numbers as N, bytes as B, all else as S. None for what no item can have as its key."""
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return {"N": str(value)}
    if isinstance(value, float):
        return {"N": repr(value)} if value - value == 0 else None
    if isinstance(value, bytes):
        return {"B": value} if 0 < len(value) <= _MOST["B"] else None
    spelt = to_text(value)
    return {"S": spelt} if 0 < len(spelt.encode()) <= _MOST["S"] else None


def identity(attribute: Attribute) -> tuple[str, object]:
    """What two attributes have in common when they are the same key: 1.50 is 1.5."""
    ((kind, value),) = attribute.items()
    return kind, Decimal(str(value)) if kind == "N" else value


def read(attribute: object, type_: Type) -> object:
    """The natural value of an attribute. Raises ValueError for none of its type."""
    value = _plain(attribute)
    if type_.kind is Kind.JSON:
        return _json(value)
    if type_.kind is Kind.BOOLEAN and isinstance(value, Decimal):
        value = int(value) if value in (0, 1) else value
    return from_json(value, type_)


def _plain(attribute: object) -> object:
    if not isinstance(attribute, Mapping) or len(attribute) != 1:
        raise ValueError("an attribute has one type")
    ((kind, value),) = attribute.items()
    if kind in ("S", "BOOL", "B", "SS", "BS"):
        return value
    if kind == "N":
        return Decimal(str(value))
    if kind == "NS":
        return [Decimal(str(item)) for item in value]
    if kind == "L":
        return [_plain(item) for item in value]
    if kind == "M":
        return {str(name): _plain(item) for name, item in value.items()}
    if kind == "NULL":
        return None
    raise ValueError("an attribute has a type that is not known")


def _json(value: object) -> object:
    """JSON has no exact decimals: those that are whole are integers, others floats; bytes are base64."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {name: _json(item) for name, item in value.items()}
    return value

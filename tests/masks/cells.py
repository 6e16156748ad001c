"""Cells of vector files: from YAML to natural Python values, and from those to the wire form, told independently."""

from __future__ import annotations

import base64
import math
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import yaml

from policies.masks import parse_mask
from policies.rules import Mask
from schema.types import Kind, Type, parse_type

KEYS = {"hash": b"vector-hash-key", "token": b"vector-token-key", "zone": b"internal"}


class Vectors:
    """One mask on one type, with its rows of (value, expected)."""

    def __init__(self, case: dict[str, object]) -> None:
        self.type = parse_type(str(case["type"]))
        self.mask: Mask = parse_mask(case["mask"], self.type, hide_nulls=case.get("nulls") == "hide")
        self.name = f"{case['mask']} {self.type}{' nulls hidden' if 'nulls' in case else ''}"
        rows = case["rows"]
        assert isinstance(rows, list)
        self.rows = [(natural(before, self.type), natural(after, self.type)) for before, after in rows]


def load(path: Path) -> list[Vectors]:
    return [Vectors(case) for case in yaml.safe_load(path.read_text())]


def natural(value: object, type_: Type) -> object:
    """A cell of a YAML file as the Python value of its type."""
    if value is None:
        return None
    text = str(value)
    match type_.kind:
        case Kind.DECIMAL:
            return Decimal(text)
        case Kind.DATE:
            return date.fromisoformat(text)
        case Kind.TIME:
            return time.fromisoformat(text)
        case Kind.DATETIME:
            return datetime.fromisoformat(text)
        case Kind.TIMESTAMP:
            return datetime.fromisoformat(text)
        case Kind.UUID:
            return UUID(text)
        case Kind.BYTES:
            return base64.b64decode(text)
        case _:
            return value


def wire(value: object, type_: Type) -> object:
    """The wire form of a natural value (docs/types.md), floats as floats."""
    match value:
        case None:
            return None
        case bool():
            return value
        case float():
            return value if math.isfinite(value) else None
        case int():
            return value if type_.kind is Kind.INTEGER else str(value)
        case Decimal():
            return format(value, "f")
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            plain = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
            return plain.isoformat() + ("" if value.tzinfo is None else "Z")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value)

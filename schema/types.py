"""Logical column types: the one vocabulary that catalogs, policies, front ends and back ends share.

Spelling in YAML: ``string``, ``integer``, ``bigint``, ``decimal(12,2)``, ``float``, ``boolean``, ``date``, ``time``,
``datetime`` (no zone), ``timestamp`` (an instant), ``interval``, ``uuid``, ``json``, ``bytes``, ``array<string>``,
``struct<street: string, zip: string>``.

Wire format (JSON, the same from every back end; docs/types.md):

=========== ======================== =========================================================================
kind        JSON                     form
=========== ======================== =========================================================================
boolean     true / false
integer     number                   32 bit
bigint      string                   decimal digits, so that no client rounds it
decimal     string                   plain notation, as the source gives it (``"12.50"``), never an exponent
float       number                   shortest form that reads back the same; NaN and infinities are null
string      string
date        string                   ``2013-01-31``
time        string                   ``HH:MM:SS[.ffffff]``, fraction only when not zero
datetime    string                   ``2013-01-31T23:59:59[.ffffff]``
timestamp   string                   the same in UTC with a ``Z``
interval    string                   ISO 8601 duration, ``P1Y2M3DT4H5M6.5S``; zero is ``PT0S``
uuid        string                   lower case
json        any JSON value
bytes       string                   base64, standard alphabet, no line breaks
array       array of the item's form
struct      object of the fields' forms
=========== ======================== =========================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    BOOLEAN = "boolean"
    INTEGER = "integer"
    BIGINT = "bigint"
    DECIMAL = "decimal"
    FLOAT = "float"
    STRING = "string"
    DATE = "date"
    TIME = "time"
    DATETIME = "datetime"
    TIMESTAMP = "timestamp"
    INTERVAL = "interval"
    UUID = "uuid"
    JSON = "json"
    BYTES = "bytes"
    ARRAY = "array"
    STRUCT = "struct"


NUMERIC = frozenset({Kind.INTEGER, Kind.BIGINT, Kind.DECIMAL, Kind.FLOAT})
TEMPORAL = frozenset({Kind.DATE, Kind.DATETIME, Kind.TIMESTAMP})
ORDERED = NUMERIC | TEMPORAL | {Kind.STRING, Kind.TIME, Kind.UUID, Kind.BOOLEAN}


@dataclass(frozen=True, slots=True)
class Type:
    """A logical type. ``item`` is set for arrays, ``fields`` for structs, ``precision``/``scale`` for decimals."""

    kind: Kind
    item: Type | None = None
    fields: tuple[tuple[str, Type], ...] = ()
    precision: int | None = None
    scale: int | None = None

    def __str__(self) -> str:
        if self.kind is Kind.ARRAY:
            return f"array<{self.item}>"
        if self.kind is Kind.STRUCT:
            return "struct<" + ", ".join(f"{name}: {type_}" for name, type_ in self.fields) + ">"
        if self.precision is not None:
            return f"{self.kind}({self.precision},{self.scale or 0})"
        return str(self.kind)


BOOLEAN = Type(Kind.BOOLEAN)
INTEGER = Type(Kind.INTEGER)
BIGINT = Type(Kind.BIGINT)
DECIMAL = Type(Kind.DECIMAL)
FLOAT = Type(Kind.FLOAT)
STRING = Type(Kind.STRING)
DATE = Type(Kind.DATE)
TIMESTAMP = Type(Kind.TIMESTAMP)

_SIMPLE = {kind.value: Type(kind) for kind in Kind if kind not in (Kind.ARRAY, Kind.STRUCT)}
_DECIMAL = re.compile(r"decimal\(\s*(\d{1,4})\s*(?:,\s*(\d{1,4})\s*)?\)")


def parse_type(text: str) -> Type:
    """Read a type as spelt in a catalog. Raises ValueError with a sentence that names the text."""
    spelt = text.strip()
    if spelt in _SIMPLE:
        return _SIMPLE[spelt]
    if match := _DECIMAL.fullmatch(spelt):
        return Type(Kind.DECIMAL, precision=int(match[1]), scale=int(match[2] or 0))
    if spelt.startswith("array<") and spelt.endswith(">"):
        return Type(Kind.ARRAY, item=parse_type(spelt[6:-1]))
    if spelt.startswith("struct<") and spelt.endswith(">"):
        return Type(Kind.STRUCT, fields=tuple(_field(part) for part in _split(spelt[7:-1])))
    raise ValueError(f"unknown type {text!r}")


def _field(part: str) -> tuple[str, Type]:
    name, colon, type_ = part.partition(":")
    if not colon or not name.strip():
        raise ValueError(f"a struct field is written 'name: type', not {part.strip()!r}")
    return name.strip(), parse_type(type_)


def _split(text: str) -> list[str]:
    """Split at commas outside angle brackets and parentheses."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += char in "<("
        depth -= char in ">)"
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return parts

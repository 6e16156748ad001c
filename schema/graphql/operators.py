"""The filter operators of each kind of value, and the input types that hold them. Shared by all products of a zone."""

from __future__ import annotations

from collections.abc import Mapping

from schema.graphql.definitions import FieldDef, OfPart, TypeDef, ref
from schema.graphql.scalars import NAMES
from schema.types import Kind, Type

EQUALITY = ("eq", "ne")
LISTS = ("in", "notIn")
RANGE = ("gt", "gte", "lt", "lte")
TEXT = ("contains", "startsWith", "endsWith", "icontains", "istartsWith", "iendsWith")

OPERATORS: Mapping[Kind, tuple[str, ...]] = {
    Kind.BOOLEAN: EQUALITY,
    Kind.INTEGER: EQUALITY + LISTS + RANGE,
    Kind.BIGINT: EQUALITY + LISTS + RANGE,
    Kind.DECIMAL: EQUALITY + LISTS + RANGE,
    Kind.FLOAT: EQUALITY + LISTS + RANGE,
    Kind.STRING: EQUALITY + LISTS + RANGE + TEXT,
    Kind.DATE: EQUALITY + LISTS + RANGE,
    Kind.TIME: EQUALITY + LISTS + RANGE,
    Kind.DATETIME: EQUALITY + LISTS + RANGE,
    Kind.TIMESTAMP: EQUALITY + LISTS + RANGE,
    Kind.UUID: EQUALITY + LISTS,
    Kind.BYTES: EQUALITY,
    Kind.INTERVAL: (),
    Kind.JSON: (),
}
"""Besides ``isNull``, which every kind has. Intervals and JSON compare differently on every engine, so not at all."""

_SAYS = {
    "eq": "Equal. A null is not equal to anything: ask isNull.",
    "ne": "Not equal, and not null.",
    "in": "Equal to one of these. An empty list matches nothing.",
    "notIn": "Equal to none of these, and not null.",
    "gt": "Greater.",
    "gte": "Greater or equal.",
    "lt": "Less.",
    "lte": "Less or equal.",
    "contains": "Contains this text, case-sensitive. No character is a wildcard.",
    "startsWith": "Starts with this text, case-sensitive.",
    "endsWith": "Ends with this text, case-sensitive.",
    "icontains": "Contains this text in any case.",
    "istartsWith": "Starts with this text in any case.",
    "iendsWith": "Ends with this text in any case.",
    "isNull": "true: is null; false: is not null.",
    "has": "The list has this element.",
}


def filter_type(type_: Type) -> str:
    """The name of the input type that filters values of this type."""
    if type_.kind is Kind.ARRAY and type_.item is not None and OPERATORS.get(type_.item.kind):
        return f"{NAMES[type_.item.kind]}ListWhere"
    return f"{NAMES[type_.kind]}Where" if OPERATORS.get(type_.kind) else "NullWhere"


def filter_types() -> dict[str, TypeDef]:
    """All of them, by name."""
    made = [_where("NullWhere", "a value that can only be asked for null", {})]
    for kind, operators in OPERATORS.items():
        scalar = NAMES[kind]
        if not operators:
            continue
        types = {word: f"[{scalar}!]" if word in LISTS else scalar for word in operators}
        made.append(_where(f"{scalar}Where", f"a {scalar}", types))
        made.append(_where(f"{scalar}ListWhere", f"a list of {scalar}", {"has": scalar}))
    made.append(_where("LongWhere", "a count", dict.fromkeys(EQUALITY + RANGE, "Long")))
    return {type_.name: type_ for type_ in made}


def _where(name: str, about: str, types: Mapping[str, str]) -> TypeDef:
    fields = {
        word: FieldDef(ref(type_), OfPart(word), _SAYS[word]) for word, type_ in {**types, "isNull": "Boolean"}.items()
    }
    return TypeDef(name, "input", fields, f"Conditions on {about}. All that are given must hold.")

"""BigQuery: the slots of a statement as query parameters, by name and with their types, as the REST API has them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from decimal import Decimal

from resolvers.backends.dialect import Statement
from schema.errors import Refusal
from schema.query import Slot
from schema.types import Kind

Parameter = dict[str, object]

_TYPES = {
    Kind.BOOLEAN: "BOOL",
    Kind.INTEGER: "INT64",
    Kind.BIGINT: "INT64",
    Kind.FLOAT: "FLOAT64",
    Kind.DATE: "DATE",
    Kind.TIME: "TIME",
    Kind.DATETIME: "DATETIME",
    Kind.TIMESTAMP: "TIMESTAMP",
}
"""Everything else is given as STRING; the dialect reads bytes, JSON and intervals from it."""
_NUMERIC, _BIGNUMERIC = (29, 9), (38, 38)


def parameters(statement: Statement, values: Sequence[object]) -> list[Parameter]:
    """``values`` are neutral (`resolvers.backends.binding`). Raises `Refusal` CH504 for a decimal of more digits than
    BigQuery has."""
    return [
        _parameter(f"p{at}", slot, value) for at, (slot, value) in enumerate(zip(statement.params, values, strict=True))
    ]


def struct(name: str, fields: Sequence[tuple[Slot, object]]) -> Parameter:
    """A struct of the slots' values, each under its slot's name."""
    parts = [(slot.name, _parameter(slot.name, slot, value)) for slot, value in fields]
    return {
        "name": name,
        "parameterType": {
            "type": "STRUCT",
            "structTypes": [{"name": field, "type": part["parameterType"]} for field, part in parts],
        },
        "parameterValue": {"structValues": {field: part["parameterValue"] for field, part in parts}},
    }


def _parameter(name: str, slot: Slot, value: object) -> Parameter:
    items = value if isinstance(value, list) else [value]
    type_ = {"type": _numeric(items) if slot.type.kind is Kind.DECIMAL else _TYPES.get(slot.type.kind, "STRING")}
    texts = [{"value": _text(slot, item)} for item in items]
    if slot.many:
        return {
            "name": name,
            "parameterType": {"type": "ARRAY", "arrayType": type_},
            "parameterValue": {"arrayValues": texts},
        }
    return {"name": name, "parameterType": type_, "parameterValue": texts[0]}


def _text(slot: Slot, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return f"{value}+00:00" if value is not None and slot.type.kind is Kind.TIMESTAMP else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return base64.b64encode(value).decode() if isinstance(value, bytes) else repr(value)


def _numeric(items: Sequence[object]) -> str:
    """The narrower of the two decimal types that holds all values: columns of it then need no conversion."""
    whole = scale = 0
    for item in items:
        if isinstance(item, str):
            exact = Decimal(item)
            exponent = exact.as_tuple().exponent
            whole = max(whole, exact.adjusted() + 1)
            scale = max(scale, -exponent if isinstance(exponent, int) else 0)
    for name, (most_whole, most_scale) in (("NUMERIC", _NUMERIC), ("BIGNUMERIC", _BIGNUMERIC)):
        if whole <= most_whole and scale <= most_scale:
            return name
    raise Refusal(
        "CH504",
        "A value has more digits than the source's decimals.",
        "Give a value that the column's type can hold.",
    )

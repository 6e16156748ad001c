"""Rows as model servers are given them, from the inputs of their keys. What comes back is read by `predictions`.

lists      [[733.0, "UA"], ..]                         in the order of the inputs
records    [{"distance": 733.0, "CARRIER": "UA"}, ..]  by `Column.physical`
values     [733.0, ..]                                 of a model with one input
lines      733.0,UA                                    CSV without a head; booleans are 1 and 0, null is nothing
"""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from uuid import UUID

from resolvers.backends.keyed.json_bodies import Unread
from resolvers.backends.keyed.keyed import Key
from resolvers.backends.keyed.scoring import inputs
from resolvers.backends.keyed.values import to_text
from schema.catalog import Product

_PLAIN = frozenset({bool, int, float, str, type(None)})


def lists(product: Product, keys: Sequence[Key]) -> list[object]:
    return [[plain(value) for value in key] for key in keys]


def records(product: Product, keys: Sequence[Key]) -> list[object]:
    names = [column.physical for column in inputs(product)]
    return [{name: plain(value) for name, value in zip(names, key, strict=True)} for key in keys]


def values(product: Product, keys: Sequence[Key]) -> list[object]:
    """Raises Unread for a model of several inputs."""
    if len(inputs(product)) != 1:
        raise Unread(f"{product.id} has several inputs, of which a single value holds but one")
    return [plain(key[0]) for key in keys]


FORMS: Mapping[str, Callable[[Product, Sequence[Key]], list[object]]] = {
    "records": records,
    "lists": lists,
    "values": values,
}


def lines(product: Product, keys: Sequence[Key]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([_cell(value) for value in key] for key in keys)
    return text.getvalue().encode()


def plain(value: object) -> object:
    """An input as JSON has it: numbers as numbers, what has no form there as text in ISO 8601, bytes in base64."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)
    if isinstance(value, date | time | UUID):
        return to_text(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    return value


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else to_text(value)

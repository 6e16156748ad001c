"""Rows as the runner wants them, of what a store had under its own names.

The key's columns are those that were asked for, whatever the store says; the others are read by their types. A column
that the store lacks is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from resolvers.backends.keyed.keyed import Key, Row
from schema.catalog import Column, Product
from schema.types import Type


def asked(product: Product, columns: Sequence[str]) -> list[Column]:
    """What the store is asked for: the wanted columns that are not the key's."""
    return [product.columns[name] for name in columns if name not in product.key]


def row(
    product: Product,
    key: Key,
    columns: Sequence[Column],
    found: Mapping[str, object],
    read: Callable[[object, Type], object],
) -> Row:
    """One row. ``found`` is by physical name. Raises ValueError, without the value, for one that is none of its
    type."""
    made: dict[str, object] = dict(zip(product.key, key, strict=True))
    for column in columns:
        value = found.get(column.physical)
        made[column.name] = None if value is None else _fit(value, column, read)
    return made


def _fit(value: object, column: Column, read: Callable[[object, Type], object]) -> object:
    """What a conversion says may quote the value, so that nothing of it is passed on."""
    try:
        return read(value, column.type)
    except (ValueError, ArithmeticError):
        raise ValueError(f"a value of column {column.name} is not of the type {column.type}") from None

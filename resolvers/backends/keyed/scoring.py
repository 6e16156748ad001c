"""What back ends that score share: a model's signature, which keys can be sent, how an output is read.

An output is found by its name in the model's signature (`Column.physical`); ``name[1]`` means the second number of a
wide one. NaN counts as null, as everywhere. A key that holds a null where the model takes none, or an infinite number
(which JSON does not have), gives no scoring: its row is None, and it is not sent.
"""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from resolvers.backends.keyed.json_bodies import Unread
from resolvers.backends.keyed.keyed import Key, Row
from resolvers.backends.keyed.values import from_json
from schema.catalog import Column, Model, Product
from schema.types import Kind, Type

_INDEXED = re.compile(r"(?s)(.*)\[(\d{1,6})\]")
_AS_IT_IS: Mapping[Kind, type] = {Kind.FLOAT: float, Kind.STRING: str, Kind.BOOLEAN: bool}
"""What comes in the right form already: most of what models answer, so not worth a conversion."""
Read = Callable[[object, Type], object]


@dataclass(frozen=True, slots=True)
class Output:
    """A wanted output: its column, its name in the signature, which element of it (None for all), and what reads a
    value of its type; that raises ValueError."""

    column: Column
    name: str
    index: int | None
    read: Read


def signature(product: Product) -> Model:
    if product.model is None:
        raise ValueError(f"{product.id} is no model")
    return product.model


def inputs(product: Product) -> tuple[Column, ...]:
    """The input columns, in the order of keys."""
    return tuple(product.columns[name] for name in signature(product).inputs)


def of_json(found: object, type_: Type) -> object:
    """A value of JSON; one that stands alone is an array of one, since servers unpack those."""
    return from_json([found] if type_.kind is Kind.ARRAY and not isinstance(found, list) else found, type_)


def outputs(product: Product, read: Read = of_json) -> tuple[Output, ...]:
    """The outputs, in the order of the signature."""
    return tuple(_output(product.columns[name], read) for name in signature(product).outputs)


@contextmanager
def meant(product: Product) -> Iterator[None]:
    """Around what reads a product's own options when it is asked: Unread for what has no meaning, without quotes, since
    the log takes out what stands in them. (`Keyed.fit` says the same before, with quotes.)"""
    try:
        yield
    except ValueError as error:
        raise Unread(f"{product.id}: {error}".replace("'", "")) from None


def batch(product: Product, default: int) -> int:
    """Most keys of one call."""
    return signature(product).batch or default


async def scored(
    product: Product, keys: Sequence[Key], ask: Callable[[list[Key]], Awaitable[list[Row]]]
) -> list[Row | None]:
    """One row per key. ``ask`` gets those that can be sent, and gives a row for each, in order."""
    rows: list[Row | None] = [None] * len(keys)
    nullable = tuple(name in signature(product).nullable for name in signature(product).inputs)
    sent = [(at, key) for at, found in enumerate(keys) if (key := _sendable(found, nullable)) is not None]
    if sent:
        answers = await ask([key for _, key in sent])
        for (at, _), row in zip(sent, answers, strict=True):
            rows[at] = row
    return rows


def cell(found: object, output: Output) -> object:
    """The natural value of an output. Raises Unread."""
    if isinstance(found, float) and found != found:
        return None
    if type(found) is _AS_IT_IS.get(output.column.type.kind):
        return found
    try:
        return output.read(found, output.column.type)
    except ValueError:
        raise Unread(f"output {output.column.name} is not of the type {output.column.type}") from None


def element(found: object, output: Output) -> object:
    """The element of a wide output that a column asks for, or all of it. Raises Unread."""
    if output.index is not None:
        if not isinstance(found, list) or output.index >= len(found):
            raise Unread(f"output {output.column.name} asks for an element that is not there")
        found = found[output.index]
    elif isinstance(found, list) and len(found) == 1 and output.column.type.kind not in (Kind.ARRAY, Kind.JSON):
        found = found[0]
    return cell(found, output)


def _output(column: Column, read: Read) -> Output:
    match = _INDEXED.fullmatch(column.physical)
    if match is None:
        return Output(column, column.physical, None, read)
    return Output(column, match[1], int(match[2]), read)


def _sendable(key: Key, nullable: Sequence[bool]) -> Key | None:
    """The key with NaN as None, or None where it cannot be sent."""
    found = tuple(None if isinstance(value, float) and math.isnan(value) else value for value in key)
    for value, may in zip(found, nullable, strict=True):
        if (value is None and not may) or (isinstance(value, float) and math.isinf(value)):
            return None
    return found

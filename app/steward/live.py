"""Compare a catalog with its sources: tables, columns, types and keys, as the sources describe themselves.

A view is compared through the products it reads. Sources that answer by key do not describe themselves: of them only
whether they answer is looked at. Reads no rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping

from resolvers.backends.backend import Backend, ColumnInfo, TableInfo
from resolvers.backends.keyed.keyed import Keyed
from schema.catalog import Catalog, Column, Product
from schema.errors import LoadError, Refusal
from schema.names import did_you_mean
from schema.types import Kind, Type, parse_type

_SAME: Mapping[Kind, frozenset[Kind]] = {
    Kind.BOOLEAN: frozenset({Kind.INTEGER}),
    Kind.BIGINT: frozenset({Kind.INTEGER}),
    Kind.DECIMAL: frozenset({Kind.INTEGER, Kind.BIGINT}),
    Kind.FLOAT: frozenset({Kind.INTEGER, Kind.DECIMAL}),
    Kind.DATE: frozenset({Kind.STRING}),
    Kind.TIME: frozenset({Kind.STRING}),
    Kind.DATETIME: frozenset({Kind.STRING, Kind.TIMESTAMP}),
    Kind.TIMESTAMP: frozenset({Kind.STRING, Kind.DATETIME}),
    Kind.UUID: frozenset({Kind.STRING}),
    Kind.JSON: frozenset({Kind.STRING}),
    Kind.ARRAY: frozenset({Kind.JSON, Kind.STRING}),
    Kind.STRUCT: frozenset({Kind.JSON, Kind.STRING}),
}
"""Which stored kinds a declared kind can be read from, beside its own: never one that loses or refuses values."""

_TEXT_STORED = frozenset({Kind.DATE, Kind.TIME, Kind.DATETIME, Kind.TIMESTAMP, Kind.BOOLEAN, Kind.ARRAY, Kind.STRUCT})
"""Kinds that may be stored as another kind only where the engine has none of its own (sqlalchemy sources)."""


async def compare(catalog: Catalog, backends: Mapping[str, Backend]) -> list[LoadError]:
    """What the sources have otherwise than the catalog says: CH240 table, CH241 column, CH242 type, CH243 key, CH244 a
    source that does not describe itself. ``backends`` by source name; others are not looked at."""
    names = sorted(backends.keys() & catalog.sources.keys())
    described = await asyncio.gather(*(_described(catalog, name, backends[name]) for name in names))
    errors: list[LoadError] = []
    for name, found in zip(names, described, strict=True):
        if isinstance(found, LoadError):
            errors.append(found)
            continue
        for product in catalog.products.values():
            if product.source == name and product.view is None:
                errors += _product(product, found, generic=catalog.sources[name].kind == "sqlalchemy")
    return sorted(errors, key=lambda error: (error.place.file, error.place.line, error.place.column, error.code))


async def answering(catalog: Catalog, keyed: Mapping[str, Keyed]) -> list[LoadError]:
    """CH244 for each source that answers by key and does not now. What it holds is not for it to say."""
    names = sorted(keyed.keys() & catalog.sources.keys())
    found = await asyncio.gather(*(_answers(catalog, name, keyed[name]) for name in names))
    return [error for error in found if error is not None]


async def _answers(catalog: Catalog, name: str, source: Keyed) -> LoadError | None:
    try:
        await source.check()
    except Refusal as refusal:
        sentence = f"Source '{name}' does not answer: {refusal.code} {refusal.message}"
        return LoadError(catalog.sources[name].place, "CH244", sentence, "Is it up, and may this account read it?")
    return None


async def _described(catalog: Catalog, name: str, backend: Backend) -> list[TableInfo] | LoadError:
    try:
        return await backend.describe()
    except Refusal as refusal:
        sentence = f"Source '{name}' does not describe itself: {refusal.code} {refusal.message}"
        return LoadError(catalog.sources[name].place, "CH244", sentence, "Is it up, and may this account read it?")


def _product(product: Product, tables: list[TableInfo], generic: bool) -> Iterator[LoadError]:
    table = find(product.physical, tables)
    if table is None:
        name = ".".join(product.physical)
        hint = did_you_mean(name, (".".join(one.path) for one in tables)) or "Is the schema named where there is one?"
        yield LoadError(product.place, "CH240", f"Source '{product.source}' has no table '{name}'.", hint)
        return
    columns = {column.name: column for column in table.columns}
    for column in product.columns.values():
        if column.expression is None:
            yield from _column(product, column, columns, generic)
    yield from _key(product, table)


def find(path: tuple[str, ...], tables: Iterable[TableInfo]) -> TableInfo | None:
    """The table of a path: the same one, or the only one that ends with it."""
    near = []
    for table in tables:
        if table.path == path:
            return table
        short = min(len(path), len(table.path))
        if table.path[-short:] == path[-short:]:
            near.append(table)
    return near[0] if len(near) == 1 else None


def _column(product: Product, column: Column, columns: Mapping[str, ColumnInfo], generic: bool) -> Iterator[LoadError]:
    found = columns.get(column.physical)
    if found is None:
        sentence = f"Table '{'.'.join(product.physical)}' has no column '{column.physical}'."
        hint = did_you_mean(column.physical, columns) or "Name it with 'column:', or take it out of the catalog."
        yield LoadError(column.place, "CH241", sentence, hint)
        return
    try:
        stored = parse_type(found.type)
    except ValueError:
        sentence = f"{product.id}.{column.name} is declared {column.type}, but stored as {_unknown(found.type)}."
        yield LoadError(column.place, "CH242", sentence, "The gateway has no word for that type: read it by a view.")
        return
    if found.nullable and not column.nullable:
        sentence = f"{product.id}.{column.name} is declared never null, but its source allows nulls."
        hint = "Remove 'nullable: false', or make the column NOT NULL there: pages would lose rows."
        yield LoadError(column.place, "CH242", sentence, hint)
    if not readable(column.type, stored, generic):
        sentence = f"{product.id}.{column.name} is declared {column.type}, but stored as {stored}."
        yield LoadError(column.place, "CH242", sentence, f"Declare it as {stored}, or cast it in a view.")


def _unknown(type_: str) -> str:
    return type_.removeprefix("unknown:").strip()


def readable(declared: Type, stored: Type, generic: bool) -> bool:
    """Whether values of the stored type can always be read as the declared one."""
    if declared.kind is stored.kind:
        if declared.item is not None and stored.item is not None:
            return readable(declared.item, stored.item, generic)
        return declared.precision is None or stored.precision is None or _fits(declared, stored)
    if stored.kind not in _SAME.get(declared.kind, frozenset()):
        return False
    return (
        generic or declared.kind not in _TEXT_STORED or {declared.kind, stored.kind} == {Kind.DATETIME, Kind.TIMESTAMP}
    )


def _fits(declared: Type, stored: Type) -> bool:
    """A decimal holds every value of another one."""
    scale, stored_scale = declared.scale or 0, stored.scale or 0
    whole, stored_whole = (declared.precision or 0) - scale, (stored.precision or 0) - stored_scale
    return scale >= stored_scale and whole >= stored_whole


def _key(product: Product, table: TableInfo) -> Iterator[LoadError]:
    """A key that the source does not hold unique may name two rows. A table without a key says nothing about it."""
    own = tuple(product.columns[name].physical for name in product.key)
    if table.key and own and not set(table.key) <= set(own):
        sentence = f"The key of {product.id} is ({', '.join(own)}), but the source's is ({', '.join(table.key)})."
        yield LoadError(product.place, "CH243", sentence, "A key must tell rows apart: name the source's key columns.")

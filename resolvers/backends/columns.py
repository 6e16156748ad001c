"""Columns: say the logical type of every stored column in a governed statement, before it is rendered.

The gate writes plain columns over physical tables. What a column needs so that it compares and sorts the same in every
engine (`Dialect.column`: collation, time zone, canonical text) depends on its type, which only the catalog knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from resolvers.backends.dialect import Dialect
from schema.catalog import Catalog
from schema.types import Type

Types = Mapping[str, Type]


def typed_columns(statement: exp.Expression, catalog: Catalog, dialect: Dialect) -> exp.Expression:
    """The statement with each stored column wrapped by the dialect. Works in place, gives the root back.

    A column belongs to the nearest SELECT around it whose FROM or JOIN has its alias; if that is a physical table of
    the catalog the column is stored, else it already was wrapped further inside.
    """
    stored = list(_stored(statement))
    types = _types(catalog, {_path(table) for _, table in stored})
    for column, table in stored:
        found = types.get(_path(table), {}).get(column.name)
        if found is not None:
            column.replace(dialect.column(column, found))
    return statement


@dataclass(frozen=True, slots=True)
class _Scope:
    """What the aliases of a SELECT stand for, and the SELECT around it."""

    sources: Mapping[str, exp.Expr]
    outer: _Scope | None

    def find(self, alias: str) -> exp.Expr | None:
        scope: _Scope | None = self
        while scope is not None:
            if alias in scope.sources:
                return scope.sources[alias]
            scope = scope.outer
        return None


def _stored(statement: exp.Expression) -> Iterator[tuple[exp.Column, exp.Table]]:
    """The columns that stand for a table's, each with its table: one walk down, scope by scope."""
    waiting: list[tuple[exp.Expr, _Scope | None]] = [(statement, None)]
    while waiting:
        node, scope = waiting.pop()
        if isinstance(node, exp.Column):
            source = scope.find(node.table) if scope is not None else None
            if isinstance(source, exp.Table):
                yield node, source
            continue
        if isinstance(node, exp.Select):
            scope = _Scope({source.alias_or_name: source for source in reversed(_sources(node))}, scope)
        waiting.extend((child, scope) for child in node.iter_expressions())


def _types(catalog: Catalog, wanted: set[tuple[str, ...]]) -> dict[tuple[str, ...], dict[str, Type]]:
    """Types by physical table and physical column. Products over one table agree, or the first one's word holds."""
    found: dict[tuple[str, ...], dict[str, Type]] = {}
    for product in catalog.products.values():
        if product.physical in wanted:
            columns = found.setdefault(product.physical, {})
            for column in product.columns.values():
                if column.expression is None:
                    columns.setdefault(column.physical, column.type)
    return found


def _sources(select: exp.Select) -> list[exp.Expression]:
    clause = select.args.get("from_")
    joined = [join.this for join in select.args.get("joins") or []]
    return [clause.this, *joined] if clause is not None else joined


def _path(table: exp.Table) -> tuple[str, ...]:
    return tuple(part for part in (table.catalog, table.db, table.name) if part)

"""Columns: say the logical type of every stored column in a governed statement, before it is rendered.

The gate writes plain columns over physical tables. What a column needs so that it compares and sorts the same in every
engine (`Dialect.column`: collation, time zone, canonical text) depends on its type, which only the catalog knows.
"""

from __future__ import annotations

from collections.abc import Mapping

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
    types = _types(catalog, {_path(table) for table in statement.find_all(exp.Table)})
    for column in list(statement.find_all(exp.Column)):
        table = _table(column)
        found = types.get(_path(table), {}).get(column.name) if table is not None else None
        if found is not None:
            column.replace(dialect.column(column, found))
    return statement


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


def _table(column: exp.Column) -> exp.Table | None:
    """The physical table that a column stands for."""
    select = column.find_ancestor(exp.Select)
    while select is not None:
        for source in _sources(select):
            if source.alias_or_name == column.table:
                return source if isinstance(source, exp.Table) else None
        select = select.find_ancestor(exp.Select)
    return None


def _sources(select: exp.Select) -> list[exp.Expression]:
    clause = select.args.get("from_")
    joined = [join.this for join in select.args.get("joins") or []]
    return [clause.this, *joined] if clause is not None else joined


def _path(table: exp.Table) -> tuple[str, ...]:
    return tuple(part for part in (table.catalog, table.db, table.name) if part)

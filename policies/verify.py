"""Verify: the independent proof that a statement reads nothing but what the gate put there.

Written without the gate's own bookkeeping: it walks the finished tree, and every table that it meets must stand inside a
sub-select that the gate marked, and be one of that product's physical tables. The planner verifies again after it has
built the final statement.
"""

from __future__ import annotations

from sqlglot import exp

from schema.catalog import Catalog
from schema.errors import Refusal

_MARK = "governed"


def mark(subquery: exp.Subquery, product: str, tables: frozenset[tuple[str, ...]]) -> None:
    """Sign a governed relation. Copies of the tree keep the mark."""
    subquery.meta[_MARK] = (product, tables)


def verify(statement: exp.Expression, catalog: Catalog) -> None:
    """Raise `Refusal` CH452 unless every table stands inside a marked relation that may read it."""
    for table in statement.find_all(exp.Table):
        relation = _governing(table)
        if relation is None:
            if _is_cte(table, statement):
                continue
            raise _refused(f"table {table.name}")
        product, tables = relation
        path = tuple(part for part in (table.catalog, table.db, table.name) if part)
        if path not in tables | _paths(catalog, product):
            raise _refused(f"table {table.name} inside {product}")
    for column in statement.find_all(exp.Column):
        if isinstance(column.this, exp.Star):
            raise _refused("a star")


def _governing(node: exp.Expression) -> tuple[str, frozenset[tuple[str, ...]]] | None:
    parent = node.parent
    while parent is not None:
        found = parent.meta.get(_MARK) if isinstance(parent, exp.Subquery) else None
        if found is not None:
            return found  # type: ignore[no-any-return]  # sqlglot's meta is untyped
        parent = parent.parent
    return None


def _is_cte(table: exp.Table, statement: exp.Expression) -> bool:
    return not table.db and table.name in {cte.alias for cte in statement.find_all(exp.CTE)}


def _paths(catalog: Catalog, product: str) -> frozenset[tuple[str, ...]]:
    """Tables that a product's own rules may read through relationship paths: those of its targets in its source."""
    owner = catalog.products[product]
    targets = (catalog.products[r.target] for r in owner.relationships.values())
    return frozenset(t.physical for t in targets if t.source == owner.source and t.physical)


def _refused(what: str) -> Refusal:
    return Refusal("CH452", "The gate refused its own result.", f"This is a defect: {what}.", status=500)

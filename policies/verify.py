"""Verify: the independent proof that a statement reads nothing but what the gate put there.

Written without the gate's own bookkeeping: it walks the finished tree, and every table that it meets must stand inside
a sub-select that the gate marked, and be one of that product's physical tables. The planner verifies again after it has
built the final statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from schema.catalog import Catalog
from schema.errors import Refusal
from schema.sql.forms import classes
from schema.sql.series import is_bounded
from schema.statement import PULLED_MARK, VIRTUAL_MARK
from schema.trees import preorder

_MARK = "governed"


def mark(subquery: exp.Subquery, product: str) -> None:
    """Sign a governed relation. Copies of the tree keep the mark."""
    subquery.meta[_MARK] = product


def marked(tree: exp.Expr) -> Iterator[tuple[str, exp.Subquery]]:
    """The governed relations in a tree, each with its product."""
    for node in preorder(tree):
        if isinstance(node, exp.Subquery) and _MARK in node.meta:
            yield str(node.meta[_MARK]), node


def verify(statement: exp.Expr, catalog: Catalog) -> None:
    """Raise `Refusal` CH452 unless every table stands inside a marked relation that may read it.

    One walk from the root down, so that what governs a table is what really stands around it in this statement."""
    allowed: dict[str, frozenset[tuple[str, ...]]] = {}
    waiting: list[tuple[exp.Expr, str | None]] = [(statement, None)]
    while waiting:
        node, relation = waiting.pop()
        if isinstance(node, exp.Table):
            if relation is not None and relation not in allowed:
                allowed[relation] = readable(catalog, relation)
            _check_table(node, relation, allowed)
        elif isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
            raise _refused("a star")
        elif isinstance(node, exp.Subquery) and _MARK in node.meta:
            relation = str(node.meta[_MARK])
        for value in node.args.values():
            if isinstance(value, exp.Expr):
                waiting.append((value, relation))
            elif type(value) is list:
                waiting.extend((item, relation) for item in value if isinstance(item, exp.Expr))


def _check_table(table: exp.Table, relation: str | None, allowed: Mapping[str, frozenset[tuple[str, ...]]]) -> None:
    if relation is None and type(table.this) in classes("series") and is_bounded(table.this):
        return  # rows made of constants
    if relation is None:
        if not table.db and (table.name.startswith((VIRTUAL_MARK, PULLED_MARK)) or table.name in _ctes_in_scope(table)):
            return
        raise _refused(f"table {table.name}")
    path = tuple(part for part in (table.catalog, table.db, table.name) if part)
    if path not in allowed[relation]:
        raise _refused(f"table {table.name} inside {relation}")


def readable(catalog: Catalog, product: str) -> frozenset[tuple[str, ...]]:
    """The physical tables that may stand inside a product's governed relation: its own, those of the products that its
    view names, and those that row filters may reach over one relationship in the same source."""
    owner = catalog.products[product]
    found = {path for name in owner.view_inputs for path in readable(catalog, name)}
    targets = (catalog.products[r.target] for r in owner.relationships.values())
    found |= {target.physical for target in targets if target.source == owner.source and target.physical}
    return frozenset(found | ({owner.physical} if owner.physical else set()))


def _ctes_in_scope(table: exp.Table) -> frozenset[str]:
    """The common table expressions that a table's name may mean where it stands: those of the statements around it,
    inside another one only those before it. None is recursive."""
    found: set[str] = set()
    node: exp.Expr = table
    inside: exp.Expr | None = None
    while node.parent is not None:
        if isinstance(node, exp.CTE):
            inside = node
        with_ = node.parent.args.get("with_")
        for cte in with_.expressions if with_ is not None else ():
            if cte is inside:
                break
            found.add(cte.alias)
        node = node.parent
    return frozenset(found)


def _refused(what: str) -> Refusal:
    return Refusal("CH452", "The gate refused its own result.", f"This is a defect: {what}.", status=500)

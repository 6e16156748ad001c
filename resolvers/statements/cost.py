"""Cost: what is refused before anything runs, by the statement's shape and what the catalog declares, never by data.

An engine's estimate over filtered rows would tell of those that are hidden, so none is asked. A refusal says the limit.

1. A product whose partition must be chosen (`resolvers.partitions`) is asked with a filter on it: CH609.
2. Tables that nothing joins multiply: where their declared sizes do so beyond the zone's ``crossed_rows``, CH611. What
   declares no size counts as one row, and a series as its own.
"""

from __future__ import annotations

import math

from sqlglot import exp

from resolvers.partitions import partition_filtered
from schema.catalog import Catalog, Product
from schema.errors import Refusal
from schema.sql.forms import classes
from schema.sql.scopes import Scope, conjuncts, scopes_of
from schema.sql.series import length
from schema.statement import LogicalStatement
from schema.visible import VisibleSet
from schema.zone import SqlLimits


def check_cost(statement: LogicalStatement, catalog: Catalog, visible: VisibleSet, limits: SqlLimits) -> None:
    """Raise `Refusal` CH609 or CH611."""
    for scope in scopes_of(statement.tree):
        for alias, relation in scope.sources.items():
            product = _product(relation, scope, catalog)
            if product is not None:
                _check_partition(product, alias, scope, visible)
        _check_crossing(scope, catalog, limits)


def _product(relation: exp.Expr, scope: Scope, catalog: Catalog) -> Product | None:
    if not isinstance(relation, exp.Table) or scope.cte(relation) is not None:
        return None
    return catalog.products.get(f"{relation.text('db')}.{relation.name}")


def _check_partition(product: Product, alias: str, scope: Scope, visible: VisibleSet) -> None:
    partition = product.partition
    if partition is None or not partition.required:
        return
    on = [join.args.get("on") for join in scope.query.args.get("joins") or []]
    conditions = [scope.query.args.get("where"), *on]
    if any(partition_filtered(condition, alias, partition.column) for condition in conditions):
        return
    known = visible.column(product.id, partition.column)
    hint = f"Compare its column '{partition.column}' with constants or parameters in WHERE." if known else None
    raise Refusal("CH609", f"'{product.id}' is too large to be asked for as a whole.", hint, status=422)


def _check_crossing(scope: Scope, catalog: Catalog, limits: SqlLimits) -> None:
    groups = _joined(scope)
    if len(groups) < 2:
        return
    rows = math.prod(max(_size(scope.sources[alias], scope, catalog) for alias in group) for group in groups)
    if rows > limits.crossed_rows:
        raise Refusal(
            "CH611",
            f"Tables that nothing joins would make more than {limits.crossed_rows} rows.",
            "Add the condition that joins them.",
            status=422,
        )


def _size(relation: exp.Expr, scope: Scope, catalog: Catalog) -> int:
    if isinstance(relation, exp.Table) and type(relation.this) in classes("series"):
        return length(relation.this) or 1
    product = _product(relation, scope, catalog)
    return 1 if product is None or product.rows is None else max(1, product.rows)


def _joined(scope: Scope) -> list[set[str]]:
    """The relations of a scope in groups that its conditions join."""
    groups = [{alias} for alias in scope.sources]
    conditions = [scope.query.args.get("where")]
    conditions += [join.args.get("on") for join in scope.query.args.get("joins") or []]
    for condition in conditions:
        for part in conjuncts(condition):
            named = {column.table for column in part.find_all(exp.Column)} & scope.sources.keys()
            touched = [group for group in groups if group & named]
            if len(touched) > 1:
                groups = [group for group in groups if group not in touched] + [set().union(*touched)]
    for relation in scope.sources.values():
        if isinstance(relation, exp.Lateral | exp.Unnest):
            return groups[:1]
    return groups

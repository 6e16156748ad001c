"""Partitions: a product may ask that each question to it chooses partitions, because reading all of it costs too much.

It is about cost and never about security: the caller's own filter counts, whatever policies add, so that whether a
question is refused depends on the question and the catalog alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from schema.catalog import Catalog, Product
from schema.query import Block, LogicalQuery, blocks_of
from schema.trees import preorder

_RANGES = (exp.EQ, exp.GT, exp.GTE, exp.LT, exp.LTE)


def partition_filtered(where: exp.Expr | None, alias: str, column: str) -> bool:
    """Whether a condition chooses partitions: the column, bare, is compared with what is the same for every row. One
    side of an AND is enough; every side of an OR must do so. ``<>`` and NOT choose nothing."""
    if isinstance(where, exp.Where | exp.Paren):
        return partition_filtered(where.this, alias, column)
    if isinstance(where, exp.And):
        return any(partition_filtered(side, alias, column) for side in (where.this, where.expression))
    if isinstance(where, exp.Or):
        return all(partition_filtered(side, alias, column) for side in (where.this, where.expression))
    if isinstance(where, _RANGES):
        sides = (where.this, where.expression)
        return any(_is(one, alias, column) and _fixed(other) for one, other in (sides, sides[::-1]))
    if isinstance(where, exp.Between):
        return _is(where.this, alias, column) and _fixed(where.args["low"]) and _fixed(where.args["high"])
    if isinstance(where, exp.In):
        return _is(where.this, alias, column) and where.args.get("query") is None and all(map(_fixed, _items(where)))
    if isinstance(where, exp.Anonymous) and where.name == "CH_IN":
        return _is(where.expressions[0], alias, column) and _fixed(where.expressions[1])
    return isinstance(where, exp.Is) and _is(where.this, alias, column) and isinstance(where.expression, exp.Null)


def unchosen(query: LogicalQuery, catalog: Catalog) -> Product | None:
    """A product of the query that requires a filter on its partition and is asked without one."""
    if not any(_required(catalog.products[id_]) for id_ in query.products):
        return None
    roots = (*query.blocks, *(gathering.block for gathering in query.gatherings))
    for block in blocks_of(roots):
        for product, select, alias in _relations(block, catalog):
            if not _required(product) or (select is block.select and _linked(block, product, catalog)):
                continue
            partition = product.partition
            if partition is None or not partition_filtered(select.args.get("where"), alias, partition.column):
                return product
    return None


def _required(product: Product) -> bool:
    return product.partition is not None and product.partition.required


def _relations(block: Block, catalog: Catalog) -> Iterator[tuple[Product, exp.Select, str]]:
    """The products of a block, those of its filters too, each with its select and its alias there."""
    for node in preorder(block.select):
        clause = node.args.get("from_") if isinstance(node, exp.Select) else None
        if isinstance(node, exp.Select) and clause is not None and isinstance(clause.this, exp.Table):
            product = catalog.products.get(f"{clause.this.db}.{clause.this.name}")
            if product is not None:
                yield product, node, clause.this.alias_or_name


def _linked(block: Block, product: Product, catalog: Catalog) -> bool:
    """Whether rows are found by values of the partition's column, which their parents have."""
    if block.relationship is None or product.partition is None:
        return False
    pairs = catalog.relationship(block.relationship).pairs
    return product.partition.column in {there for _, there in pairs}


def _is(node: exp.Expr, alias: str, column: str) -> bool:
    while isinstance(node, exp.Paren):
        node = node.this
    return isinstance(node, exp.Column) and node.name == column and node.table == alias


def _fixed(node: exp.Expr) -> bool:
    """The same for every row: made of binds and constants."""
    return not isinstance(node, exp.Null) and node.find(exp.Column, exp.Query) is None


def _items(node: exp.In) -> list[exp.Expr]:
    unnest = node.args.get("unnest")
    return [unnest] if unnest is not None else list(node.expressions)

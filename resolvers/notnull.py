"""Not null: conditions over columns of which a governed row is known to hold a value, without their tests for null.

A cursor over an order asks "after this value, or null": a test that no index can be sought by. Where the catalog says
that a column is never null and the gate shows it clear on every row, what is left is a plain comparison.
"""

from __future__ import annotations

from sqlglot import exp

from policies.decide import TableDecision
from schema.catalog import Product
from schema.trees import copied


def held(product: Product, decision: TableDecision) -> frozenset[str]:
    """The columns that hold a value on every row this caller sees."""
    return frozenset(
        name
        for name, cell in decision.cells.items()
        if not product.columns[name].nullable and cell.visible is True and cell.clear is True
    )


def without_nulls(condition: exp.Expr, alias: str, columns: frozenset[str]) -> exp.Expr:
    """A condition that says the same, given that these columns of a relation are not null."""
    return condition if not columns else _said(copied(condition), alias, columns)


def _said(node: exp.Expr, alias: str, columns: frozenset[str]) -> exp.Expr:
    if isinstance(node, exp.Paren):
        inner = _said(node.this, alias, columns)
        return inner if isinstance(inner, exp.Boolean | exp.Paren) else exp.Paren(this=inner)
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null) and _is_held(node.this, alias, columns):
        return exp.false()
    if isinstance(node, exp.Not):
        inner = _said(node.this, alias, columns)
        return exp.Boolean(this=not inner.this) if isinstance(inner, exp.Boolean) else exp.Not(this=inner)
    if isinstance(node, exp.And | exp.Or):
        return _joined(type(node), _said(node.left, alias, columns), _said(node.right, alias, columns))
    return node


def _joined(kind: type[exp.And | exp.Or], left: exp.Expr, right: exp.Expr) -> exp.Expr:
    """AND or OR of two conditions, of which one may be known."""
    decides = kind is exp.Or
    for one, other in ((left, right), (right, left)):
        if isinstance(one, exp.Boolean):
            return one if bool(one.this) is decides else other
    return kind(this=left, expression=right)


def _is_held(value: exp.Expr, alias: str, columns: frozenset[str]) -> bool:
    return isinstance(value, exp.Column) and value.table == alias and value.name in columns

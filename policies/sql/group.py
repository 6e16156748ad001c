"""Group: the minimum group of a product in free SQL (docs/policies.md). `policies.privacy` does the arithmetic.

A statement that names such a product is one block: SELECT of group keys and of COUNT, SUM, AVG and the sample standard
deviation, FROM the product alone, WHERE, GROUP BY, HAVING, ORDER BY, LIMIT. Everything else could take suppressed
figures apart again, and is refused. Where the rule lets rows be read, a SELECT of rows of the product alone is one too.
"""

from __future__ import annotations

from sqlglot import exp

from policies.decide import TableDecision
from policies.privacy import names_of, strongest
from schema.catalog import Product
from schema.errors import Refusal
from schema.query import Block, Output
from schema.sql.forms import is_aggregate
from schema.sql.scopes import Scope
from schema.trees import copied, preorder
from schema.types import STRING

_SPELT: dict[type[exp.Expr], str] = {
    exp.Sum: "CH_SUM",
    exp.Avg: "CH_AVG",
    exp.Stddev: "CH_STDDEV",
    exp.StddevSamp: "CH_STDDEV",
}
_ALLOWED = frozenset({"expressions", "from_", "where", "group", "having", "order", "limit", "offset"})
_GROUPS = frozenset({"expressions"})


def check_group(scopes: list[Scope], decision: TableDecision, product: Product) -> bool:
    """Whether the statement has groups to suppress. Raises `Refusal` CH451 where it is not of the form."""
    rule = strongest(decision)
    select = scopes[0].query
    if rule is None or not isinstance(select, exp.Select):
        raise _refused(product, "combines it with other queries", decision)
    if len(scopes) != 1 or len(scopes[0].sources) != 1:
        raise _refused(product, "combines it with other tables or queries", decision)
    extra = {name for name, value in select.args.items() if value} - _ALLOWED
    if extra:
        raise _refused(product, f"uses {', '.join(sorted(name.strip('_') for name in extra)).upper()}", decision)
    figures = any(is_aggregate(node) for node in preorder(select))
    grouped = select.args.get("group") is not None
    if not figures and not grouped:
        if rule.aggregate_only:
            raise _refused(product, "asks for single rows", decision)
        return False
    for node in preorder(select):
        _check(node, product, decision)
    return True


def _check(node: exp.Expr, product: Product, decision: TableDecision) -> None:
    if isinstance(node, exp.Window | exp.Filter | exp.WithinGroup | exp.GroupingSets | exp.Cube | exp.Rollup):
        raise _refused(product, "uses windows, FILTER or grouping sets", decision)
    if isinstance(node, exp.Group) and {name for name, value in node.args.items() if value} - _GROUPS:
        raise _refused(product, "uses grouping sets", decision)
    if not is_aggregate(node):
        return
    if not isinstance(node, exp.Count) and type(node) not in _SPELT:
        raise _refused(product, "asks for other figures than counts, sums, averages and standard deviations", decision)
    over = node.this.expressions[0] if isinstance(node.this, exp.Distinct) else node.this
    if not isinstance(over, exp.Column | exp.Star):
        # An expression could pick one entity out of a group that is large enough.
        raise _refused(product, "asks for figures over something else than its columns", decision)
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct) and len(node.this.expressions) != 1:
        raise _refused(product, "counts combinations", decision)


def as_block(select: exp.Select, product: Product) -> Block:
    """The statement as a front end's block, with its aggregates in the words that `policies.privacy` knows."""
    outputs = {item.alias: item.this for item in select.expressions}
    order = select.args.get("order")
    for item in order.expressions if order is not None else ():
        if isinstance(item.this, exp.Column) and not item.this.table:
            item.set("this", copied(outputs[item.this.name]))
    for node in preorder(select):
        name = _SPELT.get(type(node))
        if name is not None:
            node.replace(exp.Anonymous(this=name, expressions=[node.this]))
    grouped = select.args.get("group") is not None
    named = tuple(Output(item.alias, STRING) for item in select.expressions)
    return Block("statement", product.id, select, named, aggregate=not grouped)


def _refused(product: Product, why: str, decision: TableDecision) -> Refusal:
    return Refusal(
        "CH451",
        f"'{product.id}' answers only numbers over groups, and the statement {why}.",
        "Ask for COUNT, SUM and AVG of this table alone, with WHERE, GROUP BY and HAVING.",
        status=403,
        rules=names_of(decision),
    )

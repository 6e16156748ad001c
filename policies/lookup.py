"""Look-up: from a token back to the value, for callers whose grant says ``detokenize`` (docs/masks.md, "Tokens").

A look-up is one select of one form, and the only one in which a raw column can be named::

    SELECT "t0"."~raw.passport" AS "c0" FROM "customers"."bookings" AS "t0"
    WHERE "t0"."~token.passport" = :token ORDER BY "t0"."~key.0" LIMIT 1

1. `check_lookup` refuses these names in any other form (`policies.allow` asks it first).
2. `policies.decide` says on which rows a grant with the right matches.
3. `lookup_value` spells both columns so that they are NULL on every other row: without the right there is no token to
   find, and no value behind it.

An unknown token, another zone's and that of a hidden row answer alike: with nothing.
"""

from __future__ import annotations

from sqlglot import exp

from policies.decide import TokenDecision
from policies.raw import RawTable
from schema.sqltype import data_type
from schema.trees import copied, preorder

RAW = "~raw."
TOKEN = "~token."
_KEY = "~key."
_CLAUSES = frozenset({"expressions", "from_", "where", "order", "limit"})


def behind(name: str) -> str | None:
    """The logical column that a look-up column stands for; None for every other name."""
    for prefix in (RAW, TOKEN):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return None


def looks_up(select: exp.Expression) -> bool:
    """Whether a look-up column stands anywhere in a select."""
    return any(behind(node.name) is not None for node in preorder(select) if isinstance(node, exp.Column))


def check_lookup(select: exp.Select) -> str | None:
    """What is wrong with a select that names look-up columns, or None where it has exactly the form above."""
    if {name for name, value in select.args.items() if value} - _CLAUSES or len(list(select.find_all(exp.Table))) != 1:
        return "a look-up has a clause or a relation too many"
    column = _only_item(select)
    if column is None or not column.name.startswith(RAW):
        return "a look-up gives one raw column and nothing else"
    if not _finds(select, column):
        return "a look-up finds its row by the token of its own column and nothing else"
    limit, order = select.args.get("limit"), select.args.get("order")
    if limit is None or limit.expression != exp.Literal.number(1):
        return "a look-up gives one row"
    terms = order.expressions if order is not None else []
    if any(not isinstance(term.this, exp.Column) or not term.this.name.startswith(_KEY) for term in terms):
        return "a look-up is ordered by the row's identity"
    return None


def lookup_value(raw: RawTable, name: str, decision: TokenDecision) -> exp.Expression:
    """The raw value or the token, on rows where the caller has the right; NULL has no token."""
    column = raw.product.columns[behind(name) or ""]
    value, type_ = raw.column(column.name), data_type(column.type)
    given = value if name.startswith(RAW) else exp.cast(decision.mask.mask.sql(value, column.type), type_)
    there: exp.Expression = exp.Not(this=exp.Is(this=copied(value), expression=exp.Null()))
    if isinstance(decision.rows, exp.Expression):
        there = exp.And(this=exp.Paren(this=raw.place(decision.rows)), expression=there)
    return exp.Case(ifs=[exp.If(this=there, true=copied(given))], default=exp.cast(exp.Null(), type_))


def _only_item(select: exp.Select) -> exp.Column | None:
    if len(select.expressions) != 1 or not isinstance(select.expressions[0], exp.Alias):
        return None
    item = select.expressions[0].this
    return item if isinstance(item, exp.Column) else None


def _finds(select: exp.Select, column: exp.Column) -> bool:
    """``WHERE "t0"."~token.x" = :token`` for the ``"t0"."~raw.x"`` that is selected."""
    where = select.args.get("where")
    test = where.this if where is not None else None
    if not isinstance(test, exp.EQ) or not isinstance(test.left, exp.Column):
        return False
    same = test.left.table == column.table and test.left.name == TOKEN + (behind(column.name) or "")
    return same and isinstance(test.right, exp.Placeholder)

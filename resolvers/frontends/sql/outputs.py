"""Outputs: what the columns of an answer are called, and which logical type they have where that is known.

Names follow PostgreSQL: a column's own name, a function's, ``case``, ``?column?``. Types are those of the columns that
stand behind an output unchanged; the rest is what the engine says.
"""

from __future__ import annotations

from sqlglot import exp

from schema.sql.scopes import Scope, column_names, outputs_of, scopes_of, unwrapped
from schema.statement import Named
from schema.trees import preorder
from schema.types import DECIMAL, Type

_SAME = (exp.Min, exp.Max, exp.AnyValue, exp.First, exp.Last, exp.FirstValue, exp.LastValue, exp.Lag, exp.Lead)
_NAMES = {
    exp.TimestampTrunc: "date_trunc",
    exp.DateTrunc: "date_trunc",
    exp.GroupConcat: "string_agg",
    exp.StrPosition: "position",
    exp.TimeToStr: "to_char",
    exp.Nullif: "nullif",
    exp.Case: "case",
    exp.Exists: "exists",
    exp.LogicalOr: "bool_or",
    exp.LogicalAnd: "bool_and",
    exp.Array: "array",
    exp.Pow: "power",
}


def name_outputs(tree: exp.Query) -> None:
    """Give the unnamed outputs of the answer the names that PostgreSQL gives them."""
    for item in outputs_of(tree):
        if not isinstance(item, exp.Alias | exp.Star) and not (isinstance(item, exp.Column)):
            item.replace(exp.alias_(item.copy(), _name(item), quoted=True))


def _name(node: exp.Expr) -> str:
    if isinstance(node, exp.Paren | exp.Filter | exp.Window | exp.WithinGroup | exp.IgnoreNulls | exp.RespectNulls):
        return _name(node.this)
    if isinstance(node, exp.Column):
        return node.name
    if isinstance(node, exp.Cast):
        inner = _name(node.this)
        return inner if inner != "?column?" else node.to.sql("postgres").lower().split("(")[0]
    if isinstance(node, exp.Bracket):
        return _name(node.this)
    if isinstance(node, exp.Subquery):
        items = outputs_of(node)
        return items[0].alias or _name(items[0]) if items else "?column?"
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    if isinstance(node, exp.Func) and not isinstance(node, exp.Connector):
        return _NAMES.get(type(node)) or node.sql_name().lower()
    return "?column?"


def take_outputs(tree: exp.Query) -> tuple[Named, ...]:
    """The outputs of a resolved tree, which are then called ``c0``, ``c1`` .. in it."""
    scopes = scopes_of(tree)
    by_query = {id(scope.query): scope for scope in scopes}
    found: list[Named] = []
    renamed: dict[str, str] = {}
    for at, item in enumerate(outputs_of(tree)):
        name = item.alias_or_name
        found.append(Named(name, _type(item.unalias(), by_query, scopes)))
        renamed.setdefault(name, f"c{at}")
        value = item.this if isinstance(item, exp.Alias) else item.copy()
        if isinstance(value, exp.Subquery):
            value.set("alias", None)
        alias = exp.Alias(this=value, alias=exp.to_identifier(f"c{at}", quoted=True))
        item.replace(alias)
    owners = [scopes[0]]
    first = unwrapped(tree)
    while isinstance(first, exp.SetOperation):
        first = unwrapped(first.this)
        owners.append(by_query[id(first)])
    for scope in owners:
        for column in scope.columns:
            if column.meta.get("output") and not column.table:
                column.set("this", exp.to_identifier(renamed[column.name], quoted=True))
    return tuple(found)


def _type(value: exp.Expr, by_query: dict[int, Scope], scopes: list[Scope]) -> Type | None:
    while isinstance(value, exp.Paren | exp.Window) or type(value) in _SAME:
        value = value.this
    if not isinstance(value, exp.Column):
        # An engine that gives numbers of no fixed size as text is taken at its word only for numbers.
        return DECIMAL if value.is_type(*exp.DataType.NUMERIC_TYPES) else None
    known = value.meta.get("logical")
    if isinstance(known, Type):
        return known
    scope = next((scope for scope in scopes if value.table in scope.sources), None)
    if scope is None:
        return None
    relation = scope.sources[value.table]
    names = column_names(relation, scope)
    cte = scope.cte(relation)
    query = cte.this if cte is not None else relation.this if isinstance(relation, exp.Lateral) else relation
    if names is None or value.name not in names or not isinstance(query, exp.Subquery | exp.Query):
        return None
    if isinstance(query, exp.Subquery) and isinstance(query.this, exp.Values):
        return None
    inner = outputs_of(query)
    at = names.index(value.name)
    return _type(inner[at].unalias(), by_query, scopes) if at < len(inner) else None


def group_by_place(tree: exp.Query) -> None:
    """A grouping by an item that holds a query is by its place: engines do not see that the two are the same."""
    for node in preorder(tree):
        if not isinstance(node, exp.Select) or node.args.get("group") is None:
            continue
        items = [item.unalias() for item in node.expressions]
        for key in list(node.args["group"].expressions):
            if key.find(exp.Query) is not None and key in items:
                key.replace(exp.Literal.number(items.index(key) + 1))

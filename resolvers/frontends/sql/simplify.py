"""Simplify: spellings that mean the same are made one, before anything is looked up.

- ``FROM (a JOIN b ON ..)`` is ``FROM a JOIN b ON ..``, also among inner joins;
- a series in FROM has a column of its alias's name, unless it names its columns;
- ``GROUP BY ALL`` groups by every item without an aggregate;
- ``schema.table.column`` is the column of that table, where it stands in the same FROM without an alias;
- a raw string is a string, and LIMIT ALL none.
"""

from __future__ import annotations

from sqlglot import exp

from schema.sql.forms import classes, is_aggregate
from schema.sql.scopes import relations
from schema.trees import preorder


def simplify(tree: exp.Expr) -> None:
    """Simplify a parsed tree in place."""
    for node in preorder(tree):
        if isinstance(node, exp.RawString):
            node.replace(exp.Literal.string(node.name))
        elif isinstance(node, exp.Limit) and _is_all(node.expression):
            node.pop()
    for node in preorder(tree):
        if isinstance(node, exp.Select):
            _flatten(node)
            _name_series(node)
            _group_by_all(node)
            _short_names(node)


def _is_all(node: exp.Expr | None) -> bool:
    return isinstance(node, exp.All) or (isinstance(node, exp.Column | exp.Var) and node.name.upper() == "ALL")


def _flatten(select: exp.Select) -> None:
    from_ = select.args.get("from_")
    while from_ is not None and (inner := _parenthesised(from_.this)) is not None:
        joins = inner.args.pop("joins")
        from_.set("this", inner)
        select.set("joins", [*joins, *(select.args.get("joins") or [])])
    for join in list(select.args.get("joins") or []):
        inner = _parenthesised(join.this)
        if inner is None or join.side or any(one.side for one in inner.args["joins"]):
            continue
        first: exp.Join = join
        rest: list[exp.Join] = inner.args.pop("joins")
        first.set("this", inner)
        last, condition = rest[-1], first.args.pop("on", None)
        first.set("kind", "CROSS")
        if condition is not None:
            both = [part for part in (last.args.get("on"), condition) if part is not None]
            last.set("on", exp.and_(*both, copy=False) if len(both) > 1 else both[0])
            last.set("kind", None)
        joins = select.args["joins"]
        at = joins.index(first) + 1
        select.set("joins", [*joins[:at], *rest, *joins[at:]])


def _parenthesised(relation: exp.Expr) -> exp.Table | None:
    """The first table of a join in parentheses."""
    if not isinstance(relation, exp.Subquery) or relation.args.get("alias") is not None:
        return None
    inner = relation.this
    return inner if isinstance(inner, exp.Table) and inner.args.get("joins") else None


def _name_series(select: exp.Select) -> None:
    for relation in relations(select):
        series = isinstance(relation, exp.Table) and type(relation.this) in classes("series")
        listed = isinstance(relation, exp.Unnest) or (
            isinstance(relation, exp.Lateral) and isinstance(relation.this, exp.Unnest)
        )
        alias = relation.args.get("alias")
        if (series or listed) and isinstance(alias, exp.TableAlias) and alias.this and not alias.columns:
            alias.set("columns", [exp.to_identifier(alias.name, quoted=bool(alias.this.args.get("quoted")))])


def _group_by_all(select: exp.Select) -> None:
    group = select.args.get("group")
    if group is None or not group.args.get("all"):
        return
    plain = [item.unalias() for item in select.expressions if not any(is_aggregate(node) for node in preorder(item))]
    group.set("all", None)
    group.set("expressions", [item.copy() for item in plain])
    if not plain:
        select.set("group", None)


def _short_names(select: exp.Select) -> None:
    """``operations.flights.carrier`` in a SELECT from operations.flights."""
    names = {table.name: table for table in relations(select) if isinstance(table, exp.Table) and not table.alias}
    for node in preorder(select):
        if isinstance(node, exp.Column) and node.args.get("db") is not None:
            table = names.get(node.table)
            if table is not None and table.text("db").lower() == node.text("db").lower():
                node.set("db", None)
                node.set("catalog", None)

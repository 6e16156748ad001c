"""BigQuery: forms of a SELECT that it does not have, put into forms that it has.

- Groups by expressions become groups by columns. BigQuery knows an expression of GROUP BY again where it is a whole
  item of the select list, but not inside of one, and an item is the wire form of its value. So the expression is
  computed below, beside the columns of its relation, and stands everywhere as the column that it then is.
- An aggregate OVER an order takes no NULLS LAST with ASC and no NULLS FIRST with DESC: whether there is a null becomes
  a key of its own, before.
- ``LIMIT :first + 1`` becomes a parameter whose value is one more: a limit is a number or a parameter, not a sum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlglot import exp

from schema.query import Slot
from schema.trees import copied


def grouped_by_columns(tree: exp.Expression) -> exp.Expression:
    """The tree, changed in place. A SELECT over one relation is all that this is done for: no front end of ours groups
    a join by an expression."""
    for select in list(tree.find_all(exp.Select)):
        group, clause = select.args.get("group"), select.args.get("from_")
        computed = [] if group is None else [one for one in group.expressions if not isinstance(one, exp.Column)]
        if computed and clause is not None and not select.args.get("joins"):
            _below(select, clause, computed)
    return tree


def _below(select: exp.Select, clause: exp.From, computed: list[exp.Expression]) -> None:
    relation = clause.this
    alias = relation.alias_or_name
    named = [(f"~group.{at}", copied(one)) for at, one in enumerate(computed)]
    for name, value in named:
        column = exp.column(name, table=exp.to_identifier(alias, quoted=True), quoted=True)
        for part in ("expressions", "group", "having", "order", "qualify"):
            for node in _of(select, part):
                _put(node, value, column)
    star = exp.Column(this=exp.Star(), table=exp.to_identifier(alias, quoted=True))
    items = [star, *(exp.alias_(value, name, quoted=True) for name, value in named)]
    inner = exp.select(*items).from_(copied(relation), copy=False)
    clause.set("this", inner.subquery(exp.to_identifier(alias, quoted=True), copy=False))


def _of(select: exp.Select, part: str) -> list[exp.Expression]:
    found = select.args.get(part)
    return list(found) if isinstance(found, list) else [] if found is None else [found]


def _put(root: exp.Expression, value: exp.Expression, column: exp.Expression) -> None:
    """The column in every place of the value."""
    for node in list(root.find_all(type(value))):
        if node == value:
            node.replace(copied(column))


def plain_limits(tree: exp.Expression, slots: Mapping[str, Slot]) -> Mapping[str, Slot]:
    """Changes the tree in place; gives the slots with those that limits then have."""
    made = dict(slots)
    for limit in list(tree.find_all(exp.Limit)):
        more = limit.expression
        if not isinstance(more, exp.Add):
            continue
        bind, one = more.this, more.expression
        if not isinstance(bind, exp.Placeholder) or one != exp.Literal.number(1):
            raise ValueError("a limit is a number, a bind, or a bind and one more")
        name = f"{bind.name}+1"
        made[name] = replace(slots[bind.name], transform="plus_one")
        limit.set("expression", exp.Placeholder(this=name))
    return made


def nulls_as_a_key(window: exp.Window) -> exp.Window:
    """Changes the window's order in place, but for one that a frame counts distances in."""
    order, spec = window.args.get("order"), window.args.get("spec")
    if order is None or (spec is not None and spec.args.get("kind") == "RANGE"):
        return window
    keys: list[exp.Expression] = []
    for key in order.expressions:
        desc, first = bool(key.args.get("desc")), bool(key.args.get("nulls_first"))
        if first is desc:
            missing = exp.Is(this=exp.Paren(this=copied(key.this)), expression=exp.Null())
            keys.append(exp.Ordered(this=missing, desc=desc, nulls_first=not desc))
            key.set("nulls_first", not desc)
        keys.append(key)
    order.set("expressions", keys)
    return window

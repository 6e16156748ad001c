"""Guards: no error of a caller's expression may depend on rows that the row filter hides.

An engine is free to evaluate a caller's predicate before the row filter, since both end up in one scan; a division by
zero then tells of a hidden row. So where a statement holds any expression that is not total (`policies.sql.total`):

1. A governed relation with a row filter shows, beside the filter that stays where it is (and keeps its index),
   ``"~ok"``: whether the filter holds on the row.
2. Every maximal expression that is not total becomes ``CASE WHEN t0."~ok" IS NOT FALSE AND .. THEN <expr> END``, for
   all guarded relations that can be seen from where it stands. An outer join's missing row has NULL there.
3. A derived table that an engine may merge into the query around it hands ``"~ok"`` on. One that it cannot be handed
   through (groups, DISTINCT, windows, LIMIT, set operations) is fenced by a LIMIT that no answer reaches: engines push
   no predicate through one. So is a relation whose row filter looks at other tables, and a view, whose filters stand
   inside it.

A statement of total expressions alone, which most are, is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from policies.sql.total import is_total
from schema.sql.forms import is_aggregate
from schema.sql.scopes import Scope, unwrapped
from schema.trees import copied, preorder

OK = "~ok"
FENCE = 9_223_372_036_854_775_807
_THROUGH = (exp.Alias, exp.Paren, exp.And, exp.Or, exp.Not, exp.Ordered, exp.Tuple, exp.Distinct, exp.Order)
_AROUND = (exp.Window, exp.WindowSpec, exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.Where)
_GROUPINGS = (exp.Group, exp.GroupingSets, exp.Cube, exp.Rollup)
_CLAUSES = ("expressions", "where", "group", "order", "qualify", "distinct", "windows")
_MERGED_AWAY = ("group", "having", "distinct", "limit", "offset", "qualify", "windows")


def may_raise(scopes: list[Scope]) -> bool:
    """Whether anything that the caller wrote is not proven total."""
    return any(not is_total(part) for scope in scopes for part in _parts(scope))


def _parts(scope: Scope) -> Iterator[exp.Expr]:
    """The expressions of a scope, down to where guards go."""
    for clause in _written(scope):
        yield from _maximal(clause)


def _written(scope: Scope) -> Iterator[exp.Expr]:
    query = scope.query
    if isinstance(query, exp.Select):
        for name in (*_CLAUSES, "having"):
            value = query.args.get(name)
            yield from value if isinstance(value, list) else [value] if isinstance(value, exp.Expr) else []
        for join in query.args.get("joins") or []:
            if join.args.get("on") is not None:
                yield join.args["on"]
    for relation in scope.sources.values():
        if isinstance(relation, exp.Unnest | exp.Values | exp.Table | exp.Lateral):
            yield from (part for part in relation.iter_expressions() if _is_value(part))


def _is_value(node: exp.Expr) -> bool:
    return not isinstance(node, exp.TableAlias | exp.Identifier | exp.Subquery)


def _maximal(node: exp.Expr) -> Iterator[exp.Expr]:
    """The maximal expressions that are total or that no aggregate stands in."""
    if is_total(node):
        yield node
    elif isinstance(node, _THROUGH + _AROUND + _GROUPINGS + (exp.Having, exp.Qualify)) or _holds_aggregate(node):
        for child in node.iter_expressions():
            if not isinstance(child, exp.Identifier | exp.Var | exp.Query):
                yield from _maximal(child)
    else:
        yield node


def _holds_aggregate(node: exp.Expr) -> bool:
    """Whether an aggregate or a window stands in an expression, not in a query inside it."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if is_aggregate(part) or isinstance(part, exp.Window):
            return True
        waiting.extend(child for child in part.iter_expressions() if not isinstance(child, exp.Query))
    return False


def guard(scopes: list[Scope], filtered: frozenset[str]) -> None:
    """Guard a statement in place. ``filtered`` are the aliases of the governed relations that show ``"~ok"``."""
    showing = set(filtered)
    _hand_all_on(scopes[0], scopes, showing)
    for scope in scopes:
        condition = _condition(scope, showing)
        if condition is not None and isinstance(scope.query, exp.Select):
            _guard_select(scope.query, condition)
        for alias, relation in scope.sources.items():
            before = [name for name in scope.seen(until=alias) if name in showing]
            if before and isinstance(relation, exp.Unnest):
                for part in list(relation.expressions):
                    _guard(part, _all(before))


def _hand_all_on(scope: Scope, scopes: list[Scope], showing: set[str]) -> None:
    """Those inside first, and common table expressions in their order."""
    for inner in scope.inner:
        _hand_all_on(inner, scopes, showing)
    _hand_on(scope, scopes, showing)


def _hand_on(scope: Scope, scopes: list[Scope], showing: set[str]) -> None:
    """A derived table hands ``"~ok"`` on to every relation that stands for it, or is fenced."""
    if scope.kind not in ("derived", "cte"):
        return
    query = scope.query
    if isinstance(query, exp.SetOperation):
        if any(_own(inner, showing) for inner in _operands(scope)):
            fence(query)
        return
    own = _own(scope, showing)
    if not own:
        return
    if not _is_merged(query):
        fence(query)
        return
    query.append("expressions", exp.Alias(this=_all(own), alias=exp.to_identifier(OK, quoted=True)))
    for other in scopes:
        for alias, relation in other.sources.items():
            cte = other.cte(relation)
            stands_for = (
                cte.this if cte is not None else relation.this if isinstance(relation, exp.Lateral) else relation
            )
            if isinstance(stands_for, exp.Query | exp.Subquery) and unwrapped(stands_for) is query:
                showing.add(alias)


def _operands(scope: Scope) -> Iterator[Scope]:
    for inner in scope.inner:
        if inner.kind == "operand":
            yield inner
            yield from _operands(inner)


def _own(scope: Scope, showing: set[str]) -> list[str]:
    return [alias for alias in scope.sources if alias in showing]


def _is_merged(query: exp.Query) -> bool:
    """Whether an engine may merge a SELECT into the one around it."""
    plain = not any(query.args.get(part) for part in _MERGED_AWAY)
    return plain and not any(_holds_aggregate(item) for item in query.expressions)


def fence(query: exp.Query) -> None:
    """Keep predicates from being pushed into a query."""
    if query.args.get("limit") is None:
        query.set("limit", exp.Limit(expression=exp.Literal.number(FENCE)))


def _condition(scope: Scope, showing: set[str]) -> exp.Expr | None:
    found = [alias for alias in scope.seen() if alias in showing]
    return _all(found) if found else None


def _all(aliases: list[str]) -> exp.Expr:
    tests = [
        exp.Not(this=exp.Is(this=exp.column(OK, table=alias, quoted=True), expression=exp.false())) for alias in aliases
    ]
    condition: exp.Expr = tests[0]
    for test in tests[1:]:
        condition = exp.And(this=condition, expression=test)
    return condition


def _guard_select(select: exp.Select, condition: exp.Expr) -> None:
    keys = _keys(select)
    grouped = bool(keys) or _is_grouped(select)
    for name in _CLAUSES:
        value = select.args.get(name)
        for part in list(value) if isinstance(value, list) else [value]:
            if not isinstance(part, exp.Expr) or (isinstance(part, exp.Alias) and part.alias == OK):
                continue
            if grouped and name in _AFTER_GROUPS:
                _guard_keys(part, keys, condition)
                _guard_figures(part, condition)
            else:
                _guard(part, condition)
    for join in select.args.get("joins") or []:
        if isinstance(join.args.get("on"), exp.Expr):
            _guard(join.args["on"], condition)
    if select.args.get("having") is not None:
        _guard_keys(select.args["having"], keys, condition)
        _guard_figures(select.args["having"], condition)
        _guard_beside_figures(select.args["having"], _in_group(condition))


_AFTER_GROUPS = ("expressions", "order", "qualify", "distinct")
"""Clauses that see groups where there are any: made of rows that the filter has let through. What engines move before
the grouping are conditions of HAVING over keys alone."""


def _keys(select: exp.Select) -> list[exp.Expr]:
    """The grouping keys that may raise, as they were written."""
    group = select.args.get("group")
    if group is None:
        return []
    return [copied(part) for part in _maximal(group) if not is_total(part)]


def _is_grouped(select: exp.Select) -> bool:
    """Whether a SELECT gives groups, of all rows at least."""
    if select.args.get("group") is not None or select.args.get("having") is not None:
        return True
    return any(_figures(item) for item in select.expressions)


def _figures(node: exp.Expr) -> list[exp.Expr]:
    """The aggregates in an expression that are over rows of a group, the outer ones: those with OVER are not."""
    found: list[exp.Expr] = []
    waiting = [(node, False)]
    while waiting:
        part, windowed = waiting.pop()
        if is_aggregate(part) and not windowed:
            found.append(part)
            continue
        over = isinstance(part, exp.Window)
        for child in part.iter_expressions():
            if not isinstance(child, exp.Query):
                through = windowed and isinstance(
                    part, exp.Filter | exp.IgnoreNulls | exp.RespectNulls | exp.WithinGroup
                )
                waiting.append((child, (over and child is part.this) or (through and child is part.this)))
    return found


def _guard_figures(node: exp.Expr, condition: exp.Expr) -> None:
    """Guard what aggregates over rows are of, and what filters and orders those rows."""
    for figure in _figures(node):
        parent = figure.parent
        parts = [child for child in figure.iter_expressions() if not isinstance(child, exp.Query)]
        while isinstance(parent, exp.Filter | exp.WithinGroup):
            parts.append(parent.expression)
            parent = parent.parent
        for part in parts:
            if not isinstance(part, exp.Identifier | exp.Var):
                _guard(part, condition)


def _guard_beside_figures(node: exp.Expr, condition: exp.Expr) -> None:
    """Guard what stands beside aggregates: an aggregate may not stand inside another."""
    inside = {id(part) for figure in _figures(node) for part in preorder(figure)}
    for part in list(_maximal(node)):
        if id(part) not in inside and not is_total(part) and not isinstance(part, exp.Query):
            _wrap(part, condition)


def _guard_keys(node: exp.Expr, keys: list[exp.Expr], condition: exp.Expr) -> None:
    """A grouping key inside an expression over groups is guarded as it is in GROUP BY, or it would be another."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if part in keys:
            _wrap(part, condition)
        elif not isinstance(part, exp.Query):
            waiting.extend(part.iter_expressions())


def _guard(node: exp.Expr, condition: exp.Expr) -> None:
    """Guard what is not total in a tree that hangs in the statement; aggregates keep their place, their arguments are
    guarded."""
    for part in list(_maximal(node)):
        if not is_total(part) and not isinstance(part, exp.Query):
            _wrap(part, condition)


def _wrap(part: exp.Expr, condition: exp.Expr) -> None:
    branch = exp.If(this=copied(condition), true=exp.null())
    guarded = exp.Case(ifs=[branch])
    guarded.type = part.type
    part.replace(guarded)
    branch.set("true", part)  # the node itself: queries inside it are guarded in their turn


def _in_group(condition: exp.Expr) -> exp.Expr:
    """The condition over a group: an aggregate, which no engine evaluates before the filter."""
    number = exp.Case(ifs=[exp.If(this=copied(condition), true=exp.Literal.number(1))], default=exp.Literal.number(0))
    return exp.EQ(this=exp.Min(this=number), expression=exp.Literal.number(1))

"""Scopes: what each name of a statement may mean where it stands, by SQL's own rules.

A SELECT sees the relations of its own FROM, then those of the SELECTs around it; a derived table and a common table
expression see no neighbour, unless LATERAL stands before them; ON, like all clauses, sees the whole FROM.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

Kind = Literal["root", "operand", "derived", "cte", "expression"]
LATERAL = (exp.Lateral, exp.Unnest)


@dataclass(slots=True)
class Scope:
    """One SELECT or set operation. ``sources`` by alias, in their order; ``outer`` is what stands around and can be
    named from here, but for the relations ``ahead`` of a lateral; ``around`` what stands around at all; ``ctes`` are
    the queries that a bare table name may mean."""

    query: exp.Query
    kind: Kind
    outer: Scope | None
    around: Scope | None
    ctes: Mapping[str, exp.CTE]
    sources: dict[str, exp.Expr] = field(default_factory=dict)
    ahead: frozenset[str] = frozenset()
    columns: list[exp.Column] = field(default_factory=list)
    inner: list[Scope] = field(default_factory=list)

    def find(self, alias: str) -> tuple[exp.Expr, Scope] | None:
        """The relation that an alias means here, and the scope it belongs to."""
        scope: Scope | None = self
        ahead: frozenset[str] = frozenset()
        while scope is not None:
            if alias in scope.sources and alias not in ahead:
                return scope.sources[alias], scope
            ahead, scope = scope.ahead, scope.outer
        return None

    def seen(self, until: str | None = None) -> list[str]:
        """The aliases that may be named here; with ``until``, where that relation of this scope itself is made."""
        names = list(self.sources)
        found = names if until is None else names[: names.index(until)]
        ahead, scope = self.ahead, self.outer
        while scope is not None:
            found = found + [alias for alias in scope.sources if alias not in ahead]
            ahead, scope = scope.ahead, scope.outer
        return found

    def cte(self, table: exp.Expr) -> exp.CTE | None:
        """The common table expression that a table is, if any."""
        if isinstance(table, exp.Table) and not table.db and isinstance(table.this, exp.Identifier):
            return self.ctes.get(table.name)
        return None


def scopes_of(tree: exp.Query) -> list[Scope]:
    """All scopes of a statement, those around before those inside; common table expressions before what names them."""
    found: list[Scope] = []
    _query(tree, "root", None, None, {}, found)
    return found


def _query(
    query: exp.Query,
    kind: Kind,
    outer: Scope | None,
    around: Scope | None,
    ctes: Mapping[str, exp.CTE],
    found: list[Scope],
    ahead: frozenset[str] = frozenset(),
) -> None:
    scope = Scope(query, kind, outer, around, ctes, ahead=ahead)
    found.append(scope)
    if around is not None:
        around.inner.append(scope)
    _with(query, scope, found)
    if isinstance(query, exp.SetOperation):
        for side in (query.this, query.expression):
            _query(unwrapped(side), "operand", outer, scope, scope.ctes, found)
        for name in ("order", "limit", "offset"):
            _walk(query.args.get(name), scope, found)
        return
    for relation in relations(query):
        scope.sources[relation.alias_or_name] = relation
    for relation in relations(query):
        _relation(relation, scope, found)
    for name, value in query.args.items():
        if name in ("with_", "from_"):
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, exp.Join):
                _walk(part.args.get("on"), scope, found)
            elif isinstance(part, exp.Expr) and not isinstance(part, exp.Lateral):
                _walk(part, scope, found)


def _with(query: exp.Query, scope: Scope, found: list[Scope]) -> None:
    with_ = query.args.get("with_")
    known = dict(scope.ctes)
    for cte in with_.expressions if with_ is not None else ():
        scope.ctes = dict(known)
        _query(unwrapped(cte.this), "cte", scope.outer, scope, scope.ctes, found)
        known[cte.alias] = cte
    scope.ctes = known


def relations(query: exp.Expr) -> list[exp.Expr]:
    """What stands in a SELECT's FROM: tables, derived tables, laterals, series, values."""
    from_ = query.args.get("from_")
    found = [from_.this] if from_ is not None else []
    found += [join.this for join in query.args.get("joins") or []]
    return found + list(query.args.get("laterals") or [])


def _relation(relation: exp.Expr, scope: Scope, found: list[Scope]) -> None:
    if isinstance(relation, exp.Subquery) and isinstance(relation.this, exp.Values):
        _walk(relation.this, scope, found)
    elif isinstance(relation, exp.Lateral) and isinstance(relation.this.this, exp.Values):
        _walk(relation.this.this, scope, found)
    elif isinstance(relation, exp.Subquery):
        _query(unwrapped(relation), "derived", scope.outer, scope, scope.ctes, found)
    elif isinstance(relation, exp.Lateral) and isinstance(relation.this, exp.Subquery):
        names = list(scope.sources)
        ahead = frozenset(names[names.index(relation.alias_or_name) :])
        _query(unwrapped(relation.this), "derived", scope, scope, scope.ctes, found, ahead)
    else:
        for child in relation.iter_expressions():
            if not isinstance(child, exp.TableAlias | exp.Identifier):
                _walk(child, scope, found)


def _walk(node: exp.Expr | None, scope: Scope, found: list[Scope]) -> None:
    """Collect the columns of an expression; a query inside it is a scope of its own."""
    waiting = [node] if node is not None else []
    while waiting:
        part = waiting.pop()
        if isinstance(part, exp.Column):
            scope.columns.append(part)
        elif isinstance(part, exp.Select | exp.SetOperation):
            _query(part, "expression", scope, scope, scope.ctes, found)
        else:
            waiting.extend(part.iter_expressions(reverse=True))


def unwrapped(query: exp.Expr) -> exp.Query:
    """The SELECT or set operation inside parentheses."""
    while isinstance(query, exp.Subquery):
        query = query.this
    if not isinstance(query, exp.Select | exp.SetOperation):
        raise TypeError(f"{type(query).__name__} is no query")
    return query


def outputs_of(query: exp.Expr) -> list[exp.Expr]:
    """The select items that name a query's outputs: of a set operation those of its first operand."""
    found = unwrapped(query)
    while isinstance(found, exp.SetOperation):
        found = unwrapped(found.this)
    return list(found.expressions)


def column_names(relation: exp.Expr, scope: Scope) -> tuple[str, ...] | None:
    """The columns of a relation that is no product; None for a product (and for what is none of these)."""
    alias = relation.args.get("alias")
    given = tuple(column.name for column in alias.columns) if isinstance(alias, exp.TableAlias) else ()
    query: exp.Expr | None = None
    inside = relation.this if isinstance(relation, exp.Lateral) else relation
    if isinstance(inside, exp.Unnest) and isinstance(ordinality := inside.args.get("offset"), exp.Identifier):
        given = (*given, ordinality.name)
    if isinstance(inside, exp.Subquery) and isinstance(inside.this, exp.Values):
        return given or tuple(f"column{at}" for at, _ in enumerate(inside.this.expressions[0].expressions, 1))
    if isinstance(relation, exp.Subquery):
        query = relation
    elif isinstance(relation, exp.Lateral) and isinstance(relation.this, exp.Subquery):
        query = relation.this
    elif (cte := scope.cte(relation)) is not None:
        query = cte.this
        inner = cte.args.get("alias")
        named = tuple(column.name for column in inner.columns) if isinstance(inner, exp.TableAlias) else ()
        given = given or named
    if query is not None:
        names = tuple(item.alias_or_name for item in outputs_of(query))
        return given + names[len(given) :]
    if isinstance(relation, exp.Table) and isinstance(relation.this, exp.Identifier):
        return None
    return given


def tables(scopes: list[Scope]) -> Iterator[tuple[exp.Table, Scope]]:
    """Every table that is no common table expression and no series, with the scope it belongs to."""
    for scope in scopes:
        for relation in scope.sources.values():
            if not isinstance(relation, exp.Table) or not isinstance(relation.this, exp.Identifier):
                continue
            if scope.cte(relation) is None:
                yield relation, scope


def conjuncts(condition: exp.Expr | None) -> list[exp.Expr]:
    """The parts of a condition that must all hold, without parentheses around them."""
    inner = condition.this if isinstance(condition, exp.Where) else condition
    if inner is None:
        return []
    return [part.unnest() for part in inner.flatten()] if isinstance(inner, exp.And) else [inner.unnest()]

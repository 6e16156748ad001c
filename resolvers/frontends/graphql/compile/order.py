"""Order: a total, deterministic order for every list, and the conditions that a cursor stands for in it.

The order asked for, then the row's identity ascending. Nulls are always placed: last when ascending and first when
descending, unless asked otherwise. A cursor becomes comparisons of columns with binds, which no value can make fail.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlglot import exp

from resolvers.frontends.graphql.compile.filters import filtered
from resolvers.frontends.graphql.compile.gathering import bound
from resolvers.frontends.graphql.compile.job import Draft, Job, column, keys, text_of
from resolvers.frontends.graphql.given import Given, Items, Record, Value
from schema.catalog import Product
from schema.errors import Refusal
from schema.graphql.definitions import OfColumn, OfRelated
from schema.trees import copied
from schema.types import STRING, Type


@dataclass(frozen=True, slots=True)
class Term:
    """One part of an order. ``type`` is None for the row's identity, which is never null."""

    value: exp.Expr
    type: Type | None
    descending: bool = False
    nulls_first: bool = False
    name: str = ""

    def ordered(self) -> exp.Ordered:
        return exp.Ordered(this=copied(self.value), desc=self.descending, nulls_first=self.nulls_first)

    def reversed(self) -> Term:
        return replace(self, descending=not self.descending, nulls_first=not self.nulls_first)

    def spelt(self) -> str:
        """The term in a seal, without the relation's alias."""
        nulls = "first" if self.nulls_first else "last"
        return f"{self.name or self.value.name} {'desc' if self.descending else 'asc'} {nulls}"


def directed(value: exp.Expr, type_: Type | None, direction: str, name: str = "") -> Term:
    """A term by a value of `SortOrder`. ``name`` tells it apart from others where the value itself does not."""
    word, _, nulls = direction.partition("_NULLS_")
    descending = word == "DESC"
    return Term(value, type_, descending, nulls == "FIRST" if nulls else descending, name)


def ordering(
    job: Job, product: Product, alias: str, value: Given | None, where: Given | None = None
) -> tuple[Term, ...]:
    """The order of a list: what was asked for, then the identity. ``where`` is the list's filter."""
    asked: list[Term] = []
    for item in value.items if isinstance(value, Items) else ():
        name, direction = single(item, "orderBy")
        meaning = job.view.field(f"{product.type_name}OrderBy", name).meaning
        term = None
        if isinstance(meaning, OfColumn) and isinstance(direction, Value):
            term = directed(column(alias, meaning.column.name), meaning.column.type, str(direction.value))
        elif isinstance(meaning, OfRelated) and isinstance(direction, Record):
            term = _related(job, product, alias, meaning, direction, where)
        if term is not None and all(term.value != other.value for other in asked):
            asked.append(term)
    return (*asked, *(Term(key, None) for key in keys(product, alias)))


def _related(
    job: Job, product: Product, alias: str, meaning: OfRelated, value: Record, where: Given | None
) -> Term | None:
    """An order by a feature or score."""
    name, direction = single(value, "orderBy")
    inner = job.view.field(f"{meaning.target.type_name}OrderBy", name).meaning
    if not isinstance(inner, OfColumn) or not isinstance(direction, Value):
        return None
    way, wanted = meaning.relationship, inner.column.name
    filter_ = where if isinstance(where, Record) else None
    spelt, type_ = bound(job, product, alias, way, wanted, filter_, filtered)
    return directed(spelt, type_, str(direction.value), f"{way.name}.{wanted}")


def single(item: Given, where: str) -> tuple[str, Given]:
    """The one field of an item that must have exactly one."""
    if not isinstance(item, Record) or len(item.fields) != 1:
        raise Refusal("CH112", f"Every item of '{where}' names exactly one thing.", "Write [{a: ASC}, {b: DESC}].")
    return next(iter(item.fields.items()))


def cursor_outputs(draft: Draft, terms: tuple[Term, ...]) -> tuple[int, ...]:
    """The outputs a row's cursor is made of: every term as text."""
    asked = [draft.output(text_of(term.value, term.type), STRING) for term in terms if term.type is not None]
    return (*asked, *draft.key_outputs())


def beyond(
    job: Job, product: Product, terms: tuple[Term, ...], cursor: Value, nulls: tuple[bool, ...], seal: str
) -> exp.Expr:
    """The rows strictly after a cursor in the order of these terms.

    ``a after A or (a is A and (b after B or (b is B and ..)))``; ``before`` is the same with every term reversed. In
    front stands ``a at or after A``, which adds nothing but a place to begin.
    """
    found: exp.Expr | None = None
    for index in range(len(terms) - 1, -1, -1):
        term, type_ = terms[index], _type(product, terms, index)
        bind = None if nulls[index] else job.sealed(type_, "cursor", cursor, index, seal)
        found = _either(_after(term, bind), _same(term, bind), found)
    if found is None:
        raise TypeError("an order without terms")
    bind = None if nulls[0] else job.sealed(_type(product, terms, 0), "cursor", cursor, 0, seal)
    near = _near(terms[0], bind)
    return found if near is None or len(terms) == 1 else exp.and_(near, found)


def _near(term: Term, bind: exp.Placeholder | None) -> exp.Expr | None:
    """At or after the cursor's value by the first term alone: what an index can be sought by. None where that says
    nothing."""
    after = _after(term, bind)
    if bind is None or not isinstance(after, exp.Expr):
        return None
    comparison = exp.LTE if term.descending else exp.GTE
    test = comparison(this=copied(term.value), expression=copied(bind))
    is_null = exp.Is(this=copied(term.value), expression=exp.Null())
    return test if term.nulls_first or term.type is None else exp.or_(test, is_null)


def _type(product: Product, terms: tuple[Term, ...], index: int) -> Type:
    identity = len(terms) - len(product.key)
    return terms[index].type or product.columns[product.key[index - identity]].type


def _either(after: exp.Expr | None, same: exp.Expr, rest: exp.Expr | None) -> exp.Expr | None:
    deeper = exp.and_(same, rest) if rest is not None else None
    parts = [part for part in (after, deeper) if part is not None]
    return exp.or_(*parts) if parts else None


def _after(term: Term, bind: exp.Placeholder | None) -> exp.Expr | None:
    """The value lies after the cursor's; None where nothing does."""
    is_null = exp.Is(this=copied(term.value), expression=exp.Null())
    if bind is None:
        return exp.not_(is_null) if term.nulls_first else None
    comparison = exp.LT if term.descending else exp.GT
    test = comparison(this=copied(term.value), expression=copied(bind))
    return test if term.nulls_first or term.type is None else exp.or_(test, is_null)


def _same(term: Term, bind: exp.Placeholder | None) -> exp.Expr:
    if bind is None:
        return exp.Is(this=copied(term.value), expression=exp.Null())
    return exp.EQ(this=copied(term.value), expression=copied(bind))

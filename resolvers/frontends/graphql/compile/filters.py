"""Filters: `where` to SQL conditions of columns, operators and binds only, and EXISTS for related rows.

None stands for a condition that always holds. Comparisons with null are refused instead of being never true.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlglot import exp

from resolvers.frontends.graphql.compile.gathering import linked, matched
from resolvers.frontends.graphql.compile.job import Job, call, column, where_all
from resolvers.frontends.graphql.given import Given, Items, Null, Record, Value, Values
from schema.catalog import Product, Relationship
from schema.errors import Refusal
from schema.graphql.definitions import OfColumn, OfPart, OfRelated
from schema.trees import copied
from schema.types import STRING, Type

_BINARY: dict[str, type[exp.Binary]] = {
    "eq": exp.EQ,
    "ne": exp.NEQ,
    "gt": exp.GT,
    "gte": exp.GTE,
    "lt": exp.LT,
    "lte": exp.LTE,
}
_TEXT = {
    "contains": ("CH_CONTAINS", "like_contains"),
    "startsWith": ("CH_CONTAINS", "like_starts"),
    "endsWith": ("CH_CONTAINS", "like_ends"),
    "icontains": ("CH_ICONTAINS", "like_contains"),
    "istartsWith": ("CH_ICONTAINS", "like_starts"),
    "iendsWith": ("CH_ICONTAINS", "like_ends"),
}

Condition = exp.Expr | None
"""None always holds."""


def never() -> exp.Expr:
    """A condition that holds for no row, in a form every engine has."""
    return exp.EQ(this=exp.Literal.number(1), expression=exp.Literal.number(0))


@dataclass(frozen=True, slots=True)
class Around:
    """The filters that rows must fulfil besides the one that is looked at. Inside a ``not`` no more are added: a row
    for which one of them is unknown can fulfil the whole all the same."""

    records: tuple[Record, ...] = ()
    negated: bool = False

    def with_(self, *records: Record) -> Around:
        return self if self.negated else Around((*self.records, *records))


_NOTHING = Around()


def filtered(job: Job, product: Product, alias: str, value: Given | None, around: Around = _NOTHING) -> Condition:
    """The condition of a ``where`` over the rows of a relation, with the filters ``around`` it."""
    if value is None:
        return None
    if not isinstance(value, Record):
        raise _null("where")
    return where_all(
        [
            _field(job, product, alias, name, inner, around.with_(_but(value, name)))
            for name, inner in value.fields.items()
        ]
    )


def _but(record: Record, name: str) -> Record:
    return Record({other: value for other, value in record.fields.items() if other != name})


def _field(job: Job, product: Product, alias: str, name: str, value: Given, around: Around) -> Condition:
    meaning = job.view.field(f"{product.type_name}Where", name).meaning
    if isinstance(value, Null):
        raise _null(name)
    if isinstance(meaning, OfPart):
        return combined(
            meaning.word,
            value,
            lambda inner: filtered(job, product, alias, inner, _within(meaning.word, value, inner, around)),
        )
    if isinstance(meaning, OfColumn):
        return compared(job, column(alias, meaning.column.name), meaning.column.type, value)
    if isinstance(meaning, OfRelated) and isinstance(value, Record):
        return _related(job, product, alias, meaning, value, around)
    raise TypeError(f"no such filter: {name}")


def _within(word: str, whole: Given, inner: Given, around: Around) -> Around:
    """What is around one part of an ``and`` / ``or`` / ``not``: of an ``and``, its other parts too."""
    if word == "not":
        return replace(around, negated=True)
    items = whole.items if word == "and" and isinstance(whole, Items) else ()
    return around.with_(*(item for item in items if item is not inner and isinstance(item, Record)))


def combined(word: str, value: Given, inner: Callable[[Given], Condition]) -> Condition:
    """``and`` / ``or`` / ``not`` over conditions that ``inner`` makes."""
    if word == "not":
        return negated(inner(value))
    parts = [inner(item) for item in (value.items if isinstance(value, Items) else ())]
    if word == "and":
        return where_all(parts)
    if any(part is None for part in parts):
        return None
    return exp.or_(*parts, copy=False) if parts else never()


def negated(condition: Condition) -> exp.Expr:
    return never() if condition is None else exp.not_(condition)


def compared(job: Job, left: exp.Expr, type_: Type, value: Given) -> Condition:
    """All operators of one value's filter."""
    if not isinstance(value, Record):
        raise _null("a filter")
    return where_all([_operator(job, copied(left), type_, word, operand) for word, operand in value.fields.items()])


def _operator(job: Job, left: exp.Expr, type_: Type, word: str, value: Given) -> exp.Expr:
    if isinstance(value, Null):
        raise _null(word)
    if word == "isNull" and isinstance(value, Value):
        test = exp.Is(this=left, expression=exp.Null())
        return test if value.value is True else exp.not_(test)
    if word in ("in", "notIn"):
        return _listed(job, left, type_, value) if word == "in" else exp.not_(_listed(job, left, type_, value))
    if not isinstance(value, Value):
        raise TypeError(f"'{word}' takes one value")
    if word == "has":
        return call("CH_HAS", left, job.bind(type_.item or STRING, value))
    if word in _TEXT:
        function, transform = _TEXT[word]
        return call(function, left, job.bind(STRING, value, transform))
    return _BINARY[word](this=left, expression=job.bind(type_, value))


def _listed(job: Job, left: exp.Expr, type_: Type, value: Given) -> exp.Expr:
    """Membership: one list bind, or, where a written list has variables in it, one comparison each."""
    if isinstance(value, Values):
        return call("CH_IN", left, job.bind(type_, value))
    items = [item for item in value.items if isinstance(item, Value)] if isinstance(value, Items) else []
    tests = [exp.EQ(this=copied(left), expression=job.bind(type_, item)) for item in items]
    return exp.or_(*tests, copy=False) if tests else never()


def _related(job: Job, product: Product, alias: str, meaning: OfRelated, value: Record, around: Around) -> Condition:
    if meaning.form == "one" and job.catalog.keyed(meaning.target.id):
        return matched(job, product, alias, meaning.relationship, value, around.records, filtered)
    if meaning.form == "one":
        return _exists(job, product, alias, meaning, lambda inner: filtered(job, meaning.target, inner, value))
    return where_all([_quantified(job, product, alias, meaning, word, inner) for word, inner in value.fields.items()])


def _quantified(job: Job, product: Product, alias: str, meaning: OfRelated, word: str, value: Given) -> Condition:
    if not isinstance(value, Record):
        raise _null(word)
    if word == "every" and not value.fields:
        return None

    def inner(there: str) -> Condition:
        condition = filtered(job, meaning.target, there, value)
        return condition if word != "every" else _missed(condition)

    found = _exists(job, product, alias, meaning, inner)
    return found if word == "some" else exp.not_(found)


def _missed(condition: Condition) -> exp.Expr:
    """The condition is false or unknown."""
    if condition is None:
        return never()
    held = exp.Case(ifs=[exp.If(this=condition, true=exp.Literal.number(1))], default=exp.Literal.number(0))
    return exp.EQ(this=held, expression=exp.Literal.number(0))


def _exists(job: Job, product: Product, alias: str, meaning: OfRelated, inner: Callable[[str], Condition]) -> exp.Expr:
    """A related row is there for which ``inner`` holds, a condition over its alias."""
    if job.elsewhere(product, meaning.target):
        return linked(job, product, alias, meaning.relationship, inner)
    table, there = job.table(meaning.target)
    conditions = [*links(meaning.relationship, alias, there), inner(there)]
    select = exp.Select(expressions=[exp.Literal.number(1)], from_=exp.From(this=table))
    return exp.Exists(this=select.where(where_all(conditions), copy=False))


def links(relationship: Relationship, here: str, there: str) -> list[Condition]:
    """The link of two relations, one comparison per key pair."""
    names = [f"~{relationship.id}.{index}" for index in range(len(relationship.pairs))]
    return [exp.EQ(this=column(here, name), expression=column(there, name)) for name in names]


def _null(name: str) -> Refusal:
    return Refusal(
        "CH109", f"'{name}' in a filter cannot be null.", "Leave it out, or ask for nulls with {isNull: true}."
    )

"""Small words for building engine SQL: every node made here is final and is not lowered again."""

from __future__ import annotations

from functools import cache, reduce

from sqlglot import exp

from schema.trees import copied


def call(name: str, *args: exp.Expression) -> exp.Anonymous:
    """A function by exactly this name, whatever sqlglot would make of it."""
    return exp.Anonymous(this=name, expressions=list(args))


def text(value: str) -> exp.Literal:
    return exp.Literal.string(value)


def number(value: int | str) -> exp.Literal:
    """A number that is not negative."""
    return exp.Literal(this=str(value), is_string=False)


def cast(value: exp.Expression, to: str) -> exp.Cast:
    """A cast to a type as sqlglot spells it for every engine."""
    return exp.Cast(this=value, to=copied(_data_type(to)))


@cache
def _data_type(to: str) -> exp.DataType:
    return exp.DataType.build(to)


def cast_as(value: exp.Expression, to: str) -> exp.Cast:
    """A cast to a type by the engine's own name for it."""
    return exp.Cast(this=value, to=word(to))


def word(value: str) -> exp.Var:
    """Text that stands in the statement as it is."""
    return exp.Var(this=value)


def paren(value: exp.Expression) -> exp.Paren:
    return exp.Paren(this=value)


def concat(*parts: exp.Expression) -> exp.Expression:
    """``a || b || c``: NULL where any part is."""
    first, *rest = parts
    joined: exp.Expression = first
    for part in rest:
        joined = exp.DPipe(this=joined, expression=part, safe=True)
    return paren(joined) if rest else joined


def when(*branches: tuple[exp.Expression, exp.Expression], otherwise: exp.Expression | None = None) -> exp.Case:
    """``CASE WHEN .. THEN .. ELSE .. END``."""
    return exp.Case(ifs=[exp.If(this=test, true=value) for test, value in branches], default=otherwise)


def is_null(value: exp.Expression) -> exp.Expression:
    return exp.Is(this=value, expression=exp.Null())


def is_set(value: exp.Expression) -> exp.Expression:
    return exp.Not(this=paren(is_null(value)))


def compare(kind: type[exp.Expression], left: exp.Expression, right: exp.Expression) -> exp.Expression:
    return kind(this=left, expression=right)


def minus(left: exp.Expression, right: exp.Expression) -> exp.Expression:
    return paren(exp.Sub(this=left, expression=right))


def over(left: exp.Expression, right: exp.Expression) -> exp.Expression:
    """Division of floats; NULL by zero."""
    zero = call("NULLIF", right, number(0))
    return paren(exp.Div(this=left, expression=zero, typed=True, safe=True))


def both(*tests: exp.Expression) -> exp.Expression:
    return paren(reduce(lambda left, right: exp.And(this=left, expression=right), tests))


def either(*tests: exp.Expression) -> exp.Expression:
    return paren(reduce(lambda left, right: exp.Or(this=left, expression=right), tests))

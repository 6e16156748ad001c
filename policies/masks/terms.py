"""The words masks are spelt with in SQL: logical functions of `schema.query` and standard nodes, nothing of one engine.

Every function copies what it is given, so one value may stand in several places of a mask.
"""

from __future__ import annotations

from sqlglot import exp

from policies.masks.pattern import Pattern
from schema.trees import copied

REDACTED = "[redacted]"
"""What text becomes when nothing of it may be shown: always the same, so its length tells nothing."""


def call(name: str, *arguments: exp.Expression) -> exp.Expression:
    """A logical function, ``CH_..``."""
    return exp.Anonymous(this=name, expressions=[copied(argument) for argument in arguments])


def text(value: str) -> exp.Expression:
    return exp.Literal.string(value)


def number(value: int | str) -> exp.Expression:
    """A numeric literal; a negative one is a negation, as a parser would give it."""
    spelt = str(value)
    literal = exp.Literal.number(spelt.removeprefix("-"))
    return exp.Neg(this=literal) if spelt.startswith("-") else literal


def key(use: str) -> exp.Expression:
    """A key of the zone, bound as a secret."""
    return exp.Placeholder(this=f"secret:{use}")


def join(*parts: exp.Expression) -> exp.Expression:
    joined = copied(parts[0])
    for part in parts[1:]:
        joined = exp.DPipe(this=joined, expression=copied(part))
    return joined


def choose(test: exp.Expression, then: exp.Expression, otherwise: exp.Expression) -> exp.Expression:
    """CASE WHEN test THEN .. ELSE .. END: a NULL test chooses ``otherwise``."""
    return exp.Case(ifs=[exp.If(this=copied(test), true=copied(then))], default=copied(otherwise))


def unless_null(value: exp.Expression, masked: exp.Expression) -> exp.Expression:
    """NULL for NULL, else the mask."""
    return choose(exp.Is(this=copied(value), expression=exp.Null()), exp.Null(), masked)


def both(left: exp.Expression, right: exp.Expression) -> exp.Expression:
    return exp.And(this=copied(left), expression=copied(right))


def longer(value: exp.Expression, than: int) -> exp.Expression:
    """The text has more characters than this."""
    return exp.GT(this=call("CH_LENGTH", value), expression=number(than))


def below(value: exp.Expression, limit: exp.Expression) -> exp.Expression:
    return exp.LT(this=copied(value), expression=copied(limit))


def at_least(value: exp.Expression, limit: exp.Expression) -> exp.Expression:
    return exp.GTE(this=copied(value), expression=copied(limit))


def plus(left: exp.Expression, right: exp.Expression) -> exp.Expression:
    return exp.Paren(this=exp.Add(this=copied(left), expression=copied(right)))


def times(left: exp.Expression, right: exp.Expression) -> exp.Expression:
    return exp.Paren(this=exp.Mul(this=copied(left), expression=copied(right)))


def over(left: exp.Expression, right: exp.Expression) -> exp.Expression:
    """Division of two floats by one that is not zero, written as it stands."""
    return exp.Paren(this=exp.Div(this=copied(left), expression=copied(right), typed=True, safe=True))


def floor(value: exp.Expression) -> exp.Expression:
    return exp.Floor(this=copied(value))


def fully(value: exp.Expression, whole: Pattern) -> exp.Expression:
    """The whole text matches. ``whole`` is anchored at both ends, so that replacing it leaves nothing or everything."""
    rest = call("CH_REGEX_REPLACE", value, text(whole.text), text(""))
    return both(longer(value, 0), exp.EQ(this=call("CH_LENGTH", rest), expression=number(0)))

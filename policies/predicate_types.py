"""The types of a predicate's parts: what may be compared with what, and what the result can hold.

Nothing is coerced. A string literal takes the type of a date, time or uuid that it stands beside, and is checked then;
whole numbers carry the range of values they can have, so that arithmetic is accepted only where it cannot overflow.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlglot import exp

from policies.fault import Fault
from schema.sqltype import data_type
from schema.types import BIGINT, BOOLEAN, FLOAT, INTEGER, NUMERIC, Kind, Type

INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
WIDEST = 38  # decimal digits every engine computes exactly

COMPARABLE = NUMERIC | {Kind.STRING, Kind.BOOLEAN, Kind.DATE, Kind.DATETIME, Kind.TIMESTAMP, Kind.TIME, Kind.UUID}
SORTED = COMPARABLE - {Kind.BOOLEAN}
_WHOLE = (Kind.INTEGER, Kind.BIGINT)


@dataclass(frozen=True, slots=True)
class Term:
    """A part of a predicate, rebuilt from known nodes only.

    ``type`` None is the NULL literal. ``range`` are the values a whole number can have. ``text`` is set for a string
    literal, which may still take another type.
    """

    sql: exp.Expression
    type: Type | None
    range: tuple[int, int] | None = None
    text: str | None = None

    @property
    def said(self) -> str:
        """How a sentence calls it."""
        return "NULL" if self.type is None else f"{self.sql.sql(dialect='postgres')} ({self.type})"


def typed(sql: exp.Expression, type_: Type) -> Term:
    """A value of a declared type."""
    ranges = {Kind.INTEGER: INT32, Kind.BIGINT: INT64}
    return Term(sql, type_, ranges.get(type_.kind))


def truth(sql: exp.Expression) -> Term:
    return Term(sql, BOOLEAN)


def number(text: str) -> Term:
    """A numeric literal: whole, or an exact decimal."""
    sql = exp.Literal.number(text)
    if "." not in text:
        value = int(text)
        return Term(sql, whole_type((value, value)), (value, value))
    left, _, right = text.partition(".")
    digits = len(left.lstrip("0")) + len(right)
    return Term(sql, Type(Kind.DECIMAL, precision=max(digits, 1), scale=len(right)))


def whole_type(range_: tuple[int, int]) -> Type:
    return INTEGER if INT32[0] <= range_[0] and range_[1] <= INT32[1] else BIGINT


def alike(left: Term, right: Term, *, sorted_: bool = False) -> tuple[Term, Term]:
    """Both sides ready for a comparison; string literals adapted. Raises `Fault` CH410."""
    left, right = adapt(left, right.type), adapt(right, left.type)
    for side in (left, right):
        if side.type is not None and side.type.kind not in (SORTED if sorted_ else COMPARABLE):
            what = "put in order" if sorted_ else "compared"
            raise Fault(
                "CH410", f"{side.said} cannot be {what}.", "Only IS NULL can ask about it." if not sorted_ else None
            )
    if left.type is None or right.type is None:
        raise Fault("CH410", "A comparison with NULL is never true.", "Write IS NULL or IS NOT NULL.")
    if left.type.kind in NUMERIC and right.type.kind in NUMERIC:
        _same_digits(left, right)
    elif left.type.kind is not right.type.kind:
        raise Fault("CH410", f"{left.said} is compared with {right.said}.", _hint(left, right))
    return left, right


def _hint(left: Term, right: Term) -> str:
    kinds = {t.type.kind for t in (left, right) if t.type is not None}
    if Kind.STRING in kinds and kinds & NUMERIC:
        return "Numbers and text are never coerced: write numbers without quotes, declare claims by the column."
    if Kind.STRING in kinds and Kind.UUID in kinds:
        return "Compare the text of the uuid: CAST(column AS text)."
    return "Both sides of a comparison need the same type."


def _digits(term: Term) -> tuple[int, int] | None:
    """Digits before and after the point; None for a float."""
    assert term.type is not None
    if term.range is not None:
        return len(str(max(abs(term.range[0]), abs(term.range[1])))), 0
    if term.type.kind is Kind.DECIMAL:
        precision, scale = (term.type.precision, term.type.scale or 0) if term.type.precision else (WIDEST, 9)
        return precision - scale, scale
    return None if term.type.kind is Kind.FLOAT else (19, 0)


def _same_digits(left: Term, right: Term) -> None:
    """Engines bring both sides of an exact comparison to one decimal type; that must not overflow on any row."""
    one, other = _digits(left), _digits(right)
    if one is not None and other is not None and max(one[0], other[0]) + max(one[1], other[1]) > WIDEST:
        raise Fault(
            "CH408",
            f"Comparing {left.said} with {right.said} needs more than {WIDEST} digits, which some engines refuse.",
            "Declare the decimal with fewer digits.",
        )


def adapt(term: Term, type_: Type | None) -> Term:
    """A string literal beside a date, time or uuid becomes one. Raises `Fault` CH410 where it is none."""
    if term.text is None or type_ is None or type_.kind is Kind.STRING:
        return term
    try:
        spelt = _spell(term.text, type_.kind)
    except ValueError:
        raise Fault("CH410", f"'{term.text}' is not a {type_.kind}.", _FORMS.get(type_.kind)) from None
    if spelt is None:
        return term
    return Term(exp.Cast(this=exp.Literal.string(spelt), to=data_type(type_)), type_)


_FORMS = {
    Kind.DATE: "Write dates as '2013-01-31'.",
    Kind.DATETIME: "Write datetimes as '2013-01-31 23:59:59'.",
    Kind.TIMESTAMP: "A timestamp is an instant: write it with its zone, '2013-01-31 23:59:59Z'.",
    Kind.TIME: "Write times as '23:59:59'.",
    Kind.UUID: "Write uuids as '123e4567-e89b-12d3-a456-426614174000'.",
}


def _spell(text: str, kind: Kind) -> str | None:
    """One spelling that every engine reads alike; None for kinds that have no literal."""
    if kind is Kind.DATE:
        return date.fromisoformat(text).isoformat()
    if kind is Kind.TIME:
        value = time.fromisoformat(text)
        if value.tzinfo is not None:
            raise ValueError
        return value.isoformat()
    if kind is Kind.UUID:
        return str(uuid.UUID(text))
    if kind in (Kind.DATETIME, Kind.TIMESTAMP):
        instant = datetime.fromisoformat(text)
        if (instant.tzinfo is None) is (kind is Kind.TIMESTAMP):
            raise ValueError
        return (instant if instant.tzinfo is None else instant.astimezone(UTC)).isoformat(sep=" ")
    return None


def unify(terms: Iterable[Term]) -> tuple[list[Term], Type | None, tuple[int, int] | None]:
    """The branches of CASE and COALESCE: adapted to one type, that type, and the range of its values."""
    found = list(terms)
    type_ = next((t.type for t in found if t.type is not None and t.text is None), None)
    found = [adapt(term, type_) for term in found]
    known = [term for term in found if term.type is not None]
    if not known:
        return found, None, None
    first = known[0]
    for other in known[1:]:
        assert first.type is not None and other.type is not None
        both = {first.type.kind, other.type.kind}
        if not (both <= NUMERIC or (len(both) == 1 and (both & COMPARABLE or first.type == other.type))):
            raise Fault("CH410", f"{first.said} and {other.said} cannot be one value.", "All branches need one type.")
    return found, *_widest(known)


def _widest(terms: list[Term]) -> tuple[Type | None, tuple[int, int] | None]:
    types = [term.type for term in terms if term.type is not None]
    kinds = {type_.kind for type_ in types}
    if Kind.FLOAT in kinds:
        return FLOAT, None
    if Kind.DECIMAL in kinds:
        if any(type_.kind is Kind.DECIMAL and type_.precision is None for type_ in types):
            return Type(Kind.DECIMAL), None
        return decimal_type([_digits(term) or (0, 0) for term in terms]), None
    ranges = [term.range for term in terms if term.range is not None]
    if kinds <= set(_WHOLE) and ranges:
        widest = (min(low for low, _ in ranges), max(high for _, high in ranges))
        return whole_type(widest), widest
    return types[0], None


def decimal_type(digits: list[tuple[int, int]]) -> Type:
    """The decimal that holds all of these (digits before, after the point). Raises `Fault` CH408 beyond 38 digits."""
    whole, scale = max(d[0] for d in digits), max(d[1] for d in digits)
    if whole + scale > WIDEST:
        raise Fault("CH408", f"The value would need {whole + scale} digits; engines compute {WIDEST} exactly.")
    return Type(Kind.DECIMAL, precision=max(whole + scale, 1), scale=scale)


Sum = type[exp.Add] | type[exp.Sub] | type[exp.Mul]


def arithmetic(node: Sum, left: Term, right: Term) -> Term:
    """``+ - *`` where no row can overflow, else `Fault` CH408. Whole numbers are computed as bigint."""
    sign = "+" if node is exp.Add else "-" if node is exp.Sub else "*"
    for side in (left, right):
        if side.type is None or side.type.kind not in NUMERIC:
            raise Fault("CH410", f"{side.said} is no number, so '{sign}' has no meaning.")
        if side.type.kind is Kind.FLOAT:
            hint = "Compare the columns themselves, or declare the column as a decimal with its digits."
            raise Fault(
                "CH408", f"Arithmetic on floats ({side.said}) raises an error in some engines when it overflows.", hint
            )
    if left.range is not None and right.range is not None:
        return _whole(node, left, right, sign)
    return _exact(node, left, right, sign)


def _whole(node: Sum, left: Term, right: Term, sign: str) -> Term:
    (a, b), (c, d) = left.range or INT64, right.range or INT64
    corners = {"+": [a + c, b + d], "-": [a - d, b - c], "*": [a * c, a * d, b * c, b * d]}[sign]
    range_ = (min(corners), max(corners))
    if range_[0] < INT64[0] or range_[1] > INT64[1]:
        raise Fault(
            "CH408",
            f"{left.said} {sign} {right.said} can overflow.",
            "Integer columns can be computed with, bigint columns cannot.",
        )
    return Term(node(this=_wide(left), expression=_wide(right)), whole_type(range_), range_)


def _wide(term: Term) -> exp.Expression:
    """As bigint, literals too, so that no engine computes in 32 bits."""
    return exp.Cast(this=term.sql, to=data_type(BIGINT))


def _exact(node: Sum, left: Term, right: Term, sign: str) -> Term:
    for side in (left, right):
        if side.type is not None and side.type.kind is Kind.DECIMAL and side.type.precision is None:
            raise Fault(
                "CH408", f"{side.said} has no declared digits, so '{sign}' can overflow.", "Write decimal(p,s)."
            )
    (a, s), (b, t) = _digits(left) or (0, 0), _digits(right) or (0, 0)
    digits = (a + b, s + t) if sign == "*" else (max(a, b) + 1, max(s, t))
    return Term(node(this=parens(left.sql), expression=parens(right.sql)), decimal_type([digits]))


def negative(term: Term) -> Term:
    """Unary minus."""
    if isinstance(term.sql, exp.Literal) and not term.sql.is_string:
        range_ = None if term.range is None else (-term.range[1], -term.range[0])
        return Term(exp.Neg(this=term.sql), term.type, range_)
    if term.type is not None and term.type.kind in (Kind.FLOAT, Kind.DECIMAL):
        return Term(exp.Neg(this=parens(term.sql)), term.type)
    return arithmetic(exp.Sub, number("0"), term)


def absolute(term: Term) -> Term:
    if term.type is None or term.type.kind not in NUMERIC:
        raise Fault("CH410", f"{term.said} is no number, so ABS has no meaning.")
    if term.range is None:
        return Term(exp.Abs(this=term.sql), term.type)
    high = max(abs(term.range[0]), abs(term.range[1]))
    if high > INT64[1]:
        raise Fault("CH408", f"ABS of {term.said} can overflow.")
    return Term(exp.Abs(this=_wide(term)), whole_type((0, high)), (0, high))


def fits(term: Term, declared: Type) -> bool:
    """Whether a value can be brought to the declared type without an error or a loss on any row."""
    if term.type is None or term.type == declared:
        return True
    if declared.kind is Kind.FLOAT:
        return term.type.kind in NUMERIC
    if declared.kind in _WHOLE:
        low, high = INT32 if declared.kind is Kind.INTEGER else INT64
        return term.range is not None and low <= term.range[0] and term.range[1] <= high
    if declared.kind is Kind.DECIMAL and term.type.kind in NUMERIC:
        have = _digits(term)
        if have is None:
            return False
        if declared.precision is None:
            return True
        return have[1] <= (declared.scale or 0) and have[0] <= declared.precision - (declared.scale or 0)
    return declared.kind is term.type.kind and declared.kind in COMPARABLE


def parens(node: exp.Expression) -> exp.Expression:
    """An operand as it must stand inside another operator. Engines spell ``CH_IN`` as an operator too."""
    loose = (exp.Binary, exp.Not, exp.Between, exp.In, exp.Neg, exp.Anonymous)
    return exp.Paren(this=node) if isinstance(node, loose) else node

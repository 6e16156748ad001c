"""Evaluate a checked expression in Python, with SQL's three truth values: the same answers as the engines give.

Understands what `policies.predicate_read` writes, and the filters of front ends. Used for guards, by the row-wise
rendering of policies, and for filters over rows that were looked up.
Numbers are int, Decimal or float (a float beside anything makes a float, as in SQL); text compares by code points;
temporal values are date, time, naive datetime (``datetime``) and aware datetime (``timestamp``).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal
from uuid import UUID

from sqlglot import exp

from policies.fold import operands
from schema.types import Kind, Type

Lookup = Callable[[str], object]
"""Gives the value of a bind (``claim:carriers``, ``request:time``) or of a column (``column:carrier``)."""

Evaluate = Callable[[Lookup], object]


def evaluator(node: exp.Expression) -> Evaluate:
    """A function of a `Lookup` for this expression. Raises TypeError for a node it does not know."""
    build = _BUILDERS.get(type(node))
    if build is None:
        raise TypeError(f"cannot evaluate {type(node).__name__}")
    return build(node)


def natural(value: object, type_: Type) -> object:
    """A claim's value (dates and decimals arrive as text) as the Python value of its type."""
    if not isinstance(value, str) or type_.kind in (Kind.STRING, Kind.BOOLEAN):
        return Decimal(repr(value)) if type_.kind is Kind.DECIMAL and isinstance(value, float) else value
    return _READ[type_.kind](value)


def _instant(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_READ: dict[Kind, Callable[[str], object]] = {
    Kind.DATE: date.fromisoformat,
    Kind.TIME: time.fromisoformat,
    Kind.DATETIME: datetime.fromisoformat,
    Kind.TIMESTAMP: _instant,
    Kind.UUID: UUID,
    Kind.DECIMAL: Decimal,
}


def _two(node: exp.Expression) -> tuple[Evaluate, Evaluate]:
    return evaluator(node.this), evaluator(node.args["expression"])


def _number(one: object, other: object) -> tuple[object, object]:
    if isinstance(one, float) or isinstance(other, float):
        return _float(one), _float(other)
    return one, other


def _float(value: object) -> object:
    if not isinstance(value, int | Decimal) or isinstance(value, bool):
        return value
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _equal(one: object, other: object) -> bool:
    one, other = _number(one, other)
    return one == other


def _less(one: object, other: object) -> bool:
    one, other = _number(one, other)
    return one < other  # type: ignore[operator, no-any-return]  # both sides have one type, checked when read


_TESTS: dict[type[exp.Expression], Callable[[object, object], bool]] = {
    exp.EQ: _equal,
    exp.NEQ: lambda a, b: not _equal(a, b),
    exp.LT: _less,
    exp.LTE: lambda a, b: not _less(b, a),
    exp.GT: lambda a, b: _less(b, a),
    exp.GTE: lambda a, b: not _less(a, b),
}


def _comparison(node: exp.Expression) -> Evaluate:
    left, right = _two(node)
    test = _TESTS[type(node)]

    def run(look: Lookup) -> object:
        one, other = left(look), right(look)
        return None if one is None or other is None else test(one, other)

    return run


def _null_safe(node: exp.Expression) -> Evaluate:
    left, right = _two(node)
    same = type(node) is exp.NullSafeEQ

    def run(look: Lookup) -> object:
        one, other = left(look), right(look)
        equal = one is other if one is None or other is None else _equal(one, other)
        return equal is same

    return run


def _and(node: exp.Expression) -> Evaluate:
    parts = [evaluator(part) for part in operands(node)]

    def run(look: Lookup) -> object:
        values = [part(look) for part in parts]
        return False if False in values else None if None in values else True

    return run


def _or(node: exp.Expression) -> Evaluate:
    parts = [evaluator(part) for part in operands(node)]

    def run(look: Lookup) -> object:
        values = [part(look) for part in parts]
        return True if True in values else None if None in values else False

    return run


def _not(node: exp.Expression) -> Evaluate:
    inner = evaluator(node.this)

    def run(look: Lookup) -> object:
        value = inner(look)
        return None if value is None else not value

    return run


def _is(node: exp.Expression) -> Evaluate:
    inner, wanted = evaluator(node.this), evaluator(node.args["expression"])(_nothing)
    return lambda look: inner(look) is wanted


def _nothing(name: str) -> object:
    raise KeyError(name)


def _between(node: exp.Expression) -> Evaluate:
    low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
    high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
    return _and(exp.And(this=low, expression=high))


def _in(node: exp.Expression) -> Evaluate:
    value, items = evaluator(node.this), [evaluator(item) for item in node.expressions]
    return lambda look: _among(value(look), [item(look) for item in items])


def _among(value: object, items: list[object] | tuple[object, ...]) -> object:
    if not items:
        return False
    if value is None:
        return None
    if any(item is not None and _equal(value, item) for item in items):
        return True
    return None if None in items else False


def _member(node: exp.Expression) -> Evaluate:
    value, bind = evaluator(node.expressions[0]), evaluator(node.expressions[1])

    def run(look: Lookup) -> object:
        items = bind(look)
        return _among(value(look), items) if isinstance(items, tuple) else None

    return run


def _case(node: exp.Expression) -> Evaluate:
    branches = [(evaluator(branch.this), evaluator(branch.args["true"])) for branch in node.args["ifs"]]
    default = evaluator(node.args["default"]) if node.args.get("default") is not None else lambda look: None

    def run(look: Lookup) -> object:
        for test, value in branches:
            if test(look) is True:
                return value(look)
        return default(look)

    return run


def _coalesce(node: exp.Expression) -> Evaluate:
    parts = [evaluator(item) for item in [node.this, *node.expressions]]

    def run(look: Lookup) -> object:
        return next((value for part in parts if (value := part(look)) is not None), None)

    return run


def _nullif(node: exp.Expression) -> Evaluate:
    left, right = _two(node)

    def run(look: Lookup) -> object:
        one, other = left(look), right(look)
        return None if one is not None and other is not None and _equal(one, other) else one

    return run


def _strict(function: Callable[..., object], *parts: exp.Expression) -> Evaluate:
    """A function that gives NULL where any argument is NULL."""
    values = [evaluator(part) for part in parts]

    def run(look: Lookup) -> object:
        found = [value(look) for value in values]
        return None if None in found else function(*found)

    return run


def _binary(function: Callable[..., object]) -> Callable[[exp.Expression], Evaluate]:
    return lambda node: _strict(function, node.this, node.args["expression"])


def _unary(function: Callable[..., object]) -> Callable[[exp.Expression], Evaluate]:
    return lambda node: _strict(function, node.this)


def _letters(change: Callable[[str], str]) -> Callable[[str], str]:
    """Letter by letter, as engines do: a letter that becomes two (German sharp s) stays."""
    return lambda text: "".join(new if len(new := change(char)) == 1 else char for char in text)


def _substring(node: exp.Expression) -> Evaluate:
    start = int(node.args["start"].name) - 1
    stop = start + int(node.args["length"].name) if node.args.get("length") is not None else None
    return _strict(lambda text: text[start:stop], node.this)


def _literal(node: exp.Expression) -> Evaluate:
    text = str(node.this)
    value: object = text if node.args["is_string"] else Decimal(text) if "." in text else int(text)
    return lambda look: value


def _column(node: exp.Expression) -> Evaluate:
    name = f"column:{node.name}"
    return lambda look: look(name)


def _placeholder(node: exp.Expression) -> Evaluate:
    name = node.name
    return lambda look: look(name)


def _constant(value: object) -> Evaluate:
    return lambda look: value


_CASTS: dict[exp.DType, Callable[[object], object]] = {
    exp.DType.DATE: lambda v: date.fromisoformat(v) if isinstance(v, str) else v,
    exp.DType.TIME: lambda v: time.fromisoformat(v) if isinstance(v, str) else v,
    exp.DType.TIMESTAMP: lambda v: datetime.fromisoformat(v) if isinstance(v, str) else v,
    exp.DType.TIMESTAMPTZ: lambda v: _instant(v) if isinstance(v, str) else v,
    exp.DType.UUID: lambda v: UUID(v) if isinstance(v, str) else v,
    exp.DType.DOUBLE: _float,
    exp.DType.DECIMAL: lambda v: Decimal(v) if isinstance(v, int) else v,
}


def _cast(node: exp.Expression) -> Evaluate:
    return _strict(_CASTS.get(node.args["to"].this, lambda v: v), node.this)


# --- logical functions (schema.query) --------------------------------------------------------------------------------


def _like(node: exp.Expression) -> Evaluate:
    value, fold = evaluator(node.expressions[0]), _letters(str.lower) if node.name == "CH_ICONTAINS" else str
    if isinstance(node.expressions[1], exp.Placeholder):
        bound = evaluator(node.expressions[1])
        return lambda look: (
            None if (text := value(look)) is None else like(like_pattern(fold(str(bound(look)))), fold(str(text)))
        )
    pattern = like_pattern(fold(str(node.expressions[1].this)))

    def run(look: Lookup) -> object:
        text = value(look)
        return None if text is None else like(pattern, fold(str(text)))

    return run


Piece = str | Literal[0, 1]
"""A character, or 1 for any one character, or 0 for any number of them."""


def like_pattern(pattern: str) -> tuple[Piece, ...]:
    """A LIKE pattern in pieces; a backslash escapes."""
    pieces: list[Piece] = []
    escaped = False
    for char in pattern:
        if char == "\\" and not escaped:
            escaped = True
            continue
        pieces.append(char if escaped else 0 if char == "%" else 1 if char == "_" else char)
        escaped = False
    return tuple(pieces)


def like(pattern: tuple[Piece, ...], text: str) -> bool:
    """Match in time of at most len(pattern) * len(text): a regular expression would take far longer on ``%a%a%a%b``."""
    at = piece = 0
    many, retry = -1, 0  # the last ``%``, and where in the text what follows it is tried next
    while at < len(text):
        here = pattern[piece] if piece < len(pattern) else None
        if here == 0:
            many, retry, piece = piece, at, piece + 1
        elif here == 1 or here == text[at]:
            at, piece = at + 1, piece + 1
        elif many >= 0:
            retry += 1
            at, piece = retry, many + 1
        else:
            return False
    return all(rest == 0 for rest in pattern[piece:])


def _text(value: object) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _truncated(unit: str, value: date | datetime) -> object:
    day: date = value
    if isinstance(value, datetime):
        value = value.astimezone(UTC) if value.tzinfo is not None else value
        hour = value.replace(minute=0, second=0, microsecond=0)
        within = {
            "second": value.replace(microsecond=0),
            "minute": value.replace(second=0, microsecond=0),
            "hour": hour,
        }
        if unit in within:
            return within[unit]
        day = hour.replace(hour=0)
    if unit == "week":
        return day - timedelta(days=day.weekday())
    month = {"month": day.month, "quarter": 3 * ((day.month - 1) // 3) + 1, "year": 1}.get(unit)
    return day if month is None else day.replace(month=month, day=1)


def _split_part(text: str, separator: str, index: int) -> str:
    parts = text.split(separator)
    return parts[index - 1] if index <= len(parts) else ""


_FUNCTIONS: dict[str, Callable[..., object]] = {
    "CH_TEXT": lambda value, type_: _text(value),
    "CH_LENGTH": len,
    "CH_LEFT": lambda text, count: text[:count],
    "CH_RIGHT": lambda text, count: text[-count:] if count else "",
    "CH_SPLIT_PART": _split_part,
    "CH_TRUNCATE": _truncated,
    "CH_HAS": lambda items, value: value in items,
}


def _anonymous(node: exp.Expression) -> Evaluate:
    if node.name == "CH_IN":
        return _member(node)
    if node.name in ("CH_CONTAINS", "CH_ICONTAINS"):
        return _like(node)
    return _strict(_FUNCTIONS[node.name], *node.expressions)


_BUILDERS: dict[type[exp.Expression], Callable[[exp.Expression], Evaluate]] = {
    exp.Literal: _literal,
    exp.Boolean: lambda node: _constant(bool(node.this)),
    exp.Null: lambda node: _constant(None),
    exp.Paren: lambda node: evaluator(node.this),
    exp.Column: _column,
    exp.Placeholder: _placeholder,
    **dict.fromkeys(_TESTS, _comparison),
    exp.NullSafeEQ: _null_safe,
    exp.NullSafeNEQ: _null_safe,
    exp.And: _and,
    exp.Or: _or,
    exp.Not: _not,
    exp.Is: _is,
    exp.Between: _between,
    exp.In: _in,
    exp.Case: _case,
    exp.Coalesce: _coalesce,
    exp.Nullif: _nullif,
    exp.Add: _binary(lambda a, b: a + b),
    exp.Sub: _binary(lambda a, b: a - b),
    exp.Mul: _binary(lambda a, b: a * b),
    exp.Neg: _unary(lambda a: -a),
    exp.Abs: _unary(lambda a: abs(a)),
    exp.Lower: _unary(_letters(str.lower)),
    exp.Upper: _unary(_letters(str.upper)),
    exp.Trim: _unary(lambda text: text.strip(" ")),
    exp.Substring: _substring,
    exp.DPipe: _binary(lambda a, b: a + b),
    exp.Cast: _cast,
    exp.Anonymous: _anonymous,
}

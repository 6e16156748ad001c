"""BigQuery: values as text, in their wire form. Every result is a STRING expression, or NULL.

JSON is put together as text here and not by the engine's own functions, which write 15.0 as 15 and whole numbers of 64
bits as numbers. Moments are written from their date and their time: the engine's formats do not pad years.
"""

from __future__ import annotations

from sqlglot import exp

from resolvers.backends.spelling import (
    both,
    call,
    cast_as,
    compare,
    concat,
    either,
    is_null,
    number,
    paren,
    text,
    when,
    word,
)
from schema.trees import copied
from schema.types import Kind, Type

ENGINE = {
    Kind.BOOLEAN: "BOOL",
    Kind.INTEGER: "INT64",
    Kind.BIGINT: "INT64",
    Kind.FLOAT: "FLOAT64",
    Kind.STRING: "STRING",
    Kind.DATE: "DATE",
    Kind.TIME: "TIME",
    Kind.DATETIME: "DATETIME",
    Kind.TIMESTAMP: "TIMESTAMP",
    Kind.INTERVAL: "INTERVAL",
    Kind.UUID: "STRING",
    Kind.JSON: "JSON",
    Kind.BYTES: "BYTES",
}
_NUMERIC_WHOLE, _NUMERIC_SCALE = 29, 9


def safe(value: exp.Expression, to: str) -> exp.Expression:
    """The value as an engine's type, NULL where it does not fit."""
    return exp.TryCast(this=value, to=word(to), safe=True)


def numeric(type_: Type) -> str:
    """NUMERIC where a decimal type fits into it, which costs less; else BIGNUMERIC."""
    scale = type_.scale or 0
    narrow = type_.precision is not None and scale <= _NUMERIC_SCALE and type_.precision - scale <= _NUMERIC_WHOLE
    return "NUMERIC" if narrow else "BIGNUMERIC"


def spelt(value: exp.Expression, type_: Type) -> exp.Expression:
    """The value's wire form as text; for JSON, arrays and structs their JSON."""
    match type_.kind:
        case Kind.DECIMAL:
            return _decimal(value, type_)
        case Kind.FLOAT:
            return _float(safe(value, "FLOAT64"))
        case Kind.DATE:
            return cast_as(safe(value, "DATE"), "STRING")
        case Kind.TIME:
            return _clock(safe(value, "TIME"))
        case Kind.DATETIME:
            return _moment(safe(value, "DATETIME"), "")
        case Kind.TIMESTAMP:
            return _moment(safe(value, "TIMESTAMP"), "Z")
        case Kind.INTERVAL:
            return _interval(value)
        case Kind.UUID:
            return call("LOWER", cast_as(value, "STRING"))
        case Kind.BYTES:
            return call("TO_BASE64", value)
        case Kind.STRING:
            return cast_as(value, "STRING")
        case Kind.JSON | Kind.ARRAY | Kind.STRUCT:
            return json(value, type_)
        case _:
            return cast_as(safe(value, ENGINE[type_.kind]), "STRING")


def json(value: exp.Expression, type_: Type, depth: int = 0) -> exp.Expression:
    """The value's wire form as JSON text; SQL's NULL, and the null of JSON, for NULL."""
    match type_.kind:
        case Kind.JSON:
            return call("NULLIF", call("TO_JSON_STRING", value), text("null"))
        case Kind.ARRAY:
            return _array(value, type_, depth)
        case Kind.STRUCT:
            return _struct(value, type_, depth)
        case Kind.BOOLEAN | Kind.INTEGER | Kind.FLOAT:
            return spelt(value, type_)
        case _:
            form = spelt(value, type_)
            return when((exp.Not(this=paren(is_null(copied(value)))), call("TO_JSON_STRING", form)))


def _array(value: exp.Expression, type_: Type, depth: int) -> exp.Expression:
    if type_.item is None or type_.item.kind is Kind.ARRAY:
        raise ValueError("BigQuery has no arrays of arrays")
    item, at = (exp.column(f"{name}{depth}", quoted=True) for name in ("e", "o"))
    listed = exp.Unnest(
        expressions=[copied(value)],
        alias=exp.TableAlias(columns=[exp.to_identifier(item.name, quoted=True)]),
        offset=exp.to_identifier(at.name, quoted=True),
    )
    each = call("IFNULL", json(item, type_.item, depth + 1), text("null"))
    ordered = exp.select(each).from_(listed, copy=False).order_by(exp.Ordered(this=at), copy=False)
    joined = call("ARRAY_TO_STRING", call("ARRAY", ordered), text(","))
    return when((exp.Not(this=paren(is_null(value))), concat(text("["), joined, text("]"))))


def _struct(value: exp.Expression, type_: Type, depth: int) -> exp.Expression:
    parts: list[exp.Expression] = []
    for at, (name, field) in enumerate(type_.fields):
        of = exp.Dot(this=paren(copied(value)), expression=exp.to_identifier(name, quoted=True))
        key = exp.Literal.string(("," if at else "{") + _quoted(name) + ":")
        parts += [key, call("IFNULL", json(of, field, depth), text("null"))]
    return when((exp.Not(this=paren(is_null(value))), concat(*parts, text("}")))) if parts else exp.Null()


def _quoted(name: str) -> str:
    from orjson import dumps

    return dumps(name).decode()


def _decimal(value: exp.Expression, type_: Type) -> exp.Expression:
    if type_.precision is not None:
        return call("FORMAT", text(f"%.{type_.scale or 0}f"), safe(value, numeric(type_)))
    plain = cast_as(value, "STRING")
    fraction = compare(exp.GT, call("STRPOS", plain, text(".")), number(0))
    return when((fraction, call("RTRIM", call("RTRIM", copied(plain), text("0")), text("."))), otherwise=copied(plain))


def _float(value: exp.Expression) -> exp.Expression:
    """``15.0``, ``0.00001``, ``1e+16``, ``1e-6``, whatever the engine's own text: ``15``, ``1e-05``, ``1e+16``,
    ``1e-06``. NULL unless finite."""
    size = call("ABS", copied(value))
    near = both(compare(exp.GTE, size, number("1e-5")), compare(exp.LT, copied(size), number("1e16")))
    plain = cast_as(value, "STRING")
    exact = cast_as(safe(copied(plain), "BIGNUMERIC"), "STRING")
    short = call("RTRIM", exact, text("0"))
    exponent = compare(exp.GT, call("STRPOS", copied(plain), text("e")), number(0))
    small = compare(exp.LT, copied(size), number(1))
    whole = compare(exp.EQ, call("STRPOS", copied(plain), text(".")), number(0))
    infinite = either(call("IS_NAN", copied(value)), call("IS_INF", copied(value)))
    return when(
        (infinite, exp.Null()),
        (both(exponent, near, small), short),
        (both(copied(exponent), copied(near)), concat(copied(exact), text(".0"))),
        (copied(exponent), call("REPLACE", copied(plain), text("e-0"), text("e-"))),
        (whole, concat(copied(plain), text(".0"))),
        otherwise=copied(plain),
    )


def _clock(value: exp.Expression) -> exp.Expression:
    """A time with a fraction only where it is not zero."""
    whole = compare(exp.EQ, _micros(copied(value)), number(0))
    forms = (call("FORMAT_TIME", text(form), copied(value)) for form in ("%H:%M:%S", "%H:%M:%E6S"))
    short, long = forms
    return when((whole, short), otherwise=long)


def _moment(value: exp.Expression, zone: str) -> exp.Expression:
    day = cast_as(cast_as(copied(value), "DATE"), "STRING")
    parts = [day, text("T"), _clock(cast_as(value, "TIME"))]
    return concat(*parts, *([text(zone)] if zone else []))


def _interval(value: exp.Expression) -> exp.Expression:
    """ISO 8601 from years to microseconds, each part with its own sign."""
    days = concat(*(_part(value, unit, sign) for unit, sign in (("YEAR", "Y"), ("MONTH", "M"), ("DAY", "D"))))
    clock = concat(_part(value, "HOUR", "H"), _part(value, "MINUTE", "M"), _seconds(value))
    no_clock = compare(exp.EQ, clock, text(""))
    empty = both(compare(exp.EQ, days, text("")), copied(no_clock))
    return when(
        (is_null(copied(value)), exp.Null()),
        (empty, text("PT0S")),
        (no_clock, concat(text("P"), copied(days))),
        otherwise=concat(text("P"), copied(days), text("T"), copied(clock)),
    )


def _seconds(value: exp.Expression) -> exp.Expression:
    whole, fraction = _extract("SECOND", value), _micros(value)
    negative = either(compare(exp.LT, whole, number(0)), compare(exp.LT, fraction, number(0)))
    some = either(compare(exp.NEQ, copied(whole), number(0)), compare(exp.NEQ, copied(fraction), number(0)))
    digits = call("LPAD", cast_as(call("ABS", copied(fraction)), "STRING"), number(6), text("0"))
    point = call("RTRIM", call("RTRIM", concat(text("."), digits), text("0")), text("."))
    sign = when((negative, text("-")), otherwise=text(""))
    shown = concat(sign, cast_as(call("ABS", copied(whole)), "STRING"), point, text("S"))
    return when((some, shown), otherwise=text(""))


def _part(value: exp.Expression, unit: str, sign: str) -> exp.Expression:
    count = _extract(unit, value)
    written = concat(cast_as(copied(count), "STRING"), text(sign))
    return when((compare(exp.NEQ, count, number(0)), written), otherwise=text(""))


def _micros(value: exp.Expression) -> exp.Expression:
    """The microseconds of the second."""
    return call("MOD", _extract("MICROSECOND", value), number(1_000_000))


def _extract(unit: str, value: exp.Expression) -> exp.Expression:
    return exp.Extract(this=word(unit), expression=copied(value))

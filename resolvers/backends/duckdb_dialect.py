"""DuckDB: nested JSON from ``json_array`` and ``list``, lists as one bind, everything that is not a number as text."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from sqlglot import exp

from resolvers.backends.dialect import Capabilities
from resolvers.backends.lowering import Args, Lowering, aggregate, inside
from resolvers.backends.spelling import (
    both,
    call,
    cast_as,
    compare,
    concat,
    either,
    is_null,
    is_set,
    number,
    text,
    when,
)
from schema.query import Slot
from schema.sqltype import WORDS
from schema.trees import copied
from schema.types import Kind, Type

_TYPES = {**WORDS, Kind.INTEGER: "BIGINT"}
_NATIVE = {Kind.BOOLEAN: "BOOLEAN", Kind.INTEGER: "BIGINT", Kind.BIGINT: "BIGINT", Kind.FLOAT: "DOUBLE"}
_STORED = {Kind.STRING, Kind.DATE, Kind.DATETIME, Kind.TIMESTAMP, Kind.TIME, Kind.UUID, Kind.BOOLEAN}
_SCALE = 9


class DuckDBDialect(Lowering):
    name = "duckdb"
    sqlglot_name = "duckdb"
    capabilities = Capabilities(tree=True, arrays=True)

    # --- binds

    def scalar(self, slot: Slot, at: int, node: exp.Placeholder) -> exp.Expression:
        return _typed(exp.Parameter(this=number(at + 1)), slot.type, "")

    def list_bind(self, slot: Slot, at: int) -> exp.Expression:
        return _typed(exp.Parameter(this=number(at + 1)), slot.type, "[]")

    def member(self, value: exp.Expression, listed: exp.Expression, slot: Slot) -> exp.Expression:
        """``= ANY`` of a list with a NULL says false where the standard says NULL, which matters under NOT."""
        holds_null = compare(exp.NEQ, call("LEN", copied(listed)), call("LIST_COUNT", copied(listed)))
        unknown = when((holds_null, exp.Null()), otherwise=exp.false())
        return either(compare(exp.EQ, value, call("ANY", listed)), unknown)

    def bound(self, token: exp.Expression, keys: exp.Expression, values: exp.Expression) -> exp.Expression:
        return call("LIST_EXTRACT", values, call("LIST_POSITION", keys, token))

    def has(self, array: exp.Expression, value: exp.Expression) -> exp.Expression:
        return call("LIST_CONTAINS", array, value)

    # --- types

    def convert(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return cast_as(value, _spelt(type_))

    def stored(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return self.convert(value, type_) if type_.kind in _STORED else value

    def to_wire(self, value: exp.Expression, type_: Type) -> exp.Expression:
        match type_.kind:
            case Kind.BOOLEAN | Kind.INTEGER:
                return _as(value, _TYPES[type_.kind])
            case Kind.FLOAT:
                real = _as(value, "DOUBLE")
                return when((call("ISFINITE", real), copied(real)))
            case Kind.JSON:
                return _as(value, "JSON")
            case Kind.ARRAY:
                return self._array(value, type_)
            case Kind.STRUCT:
                return self._struct(value, type_)
            case _:
                return self.to_text(value, type_)

    def to_cell(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return _as(value, "DOUBLE") if type_.kind is Kind.FLOAT else self.to_wire(value, type_)

    def to_text(self, value: exp.Expression, type_: Type | None) -> exp.Expression:
        if type_ is None:
            return _as(value, "TEXT")
        match type_.kind:
            case Kind.DECIMAL if type_.precision is not None:
                return _as(_as(value, f"DECIMAL(38, {type_.scale or 0})"), "TEXT")
            case Kind.DATE:
                day = _as(value, "DATE")
                return when((call("ISFINITE", day), _as(copied(day), "TEXT")))
            case Kind.TIME:
                clock = _as(_as(value, "TIME"), "TEXT")
                return when(
                    (call("CONTAINS", clock, text(".")), call("RPAD", copied(clock), number(15), text("0"))),
                    otherwise=copied(clock),
                )
            case Kind.DATETIME:
                return _moment(_as(value, "TIMESTAMP"), "")
            case Kind.TIMESTAMP:
                utc = exp.AtTimeZone(this=_as(value, "TIMESTAMPTZ"), zone=text("UTC"))
                return _moment(exp.Paren(this=utc), "Z")
            case Kind.INTERVAL:
                return _interval(_as(value, "INTERVAL"))
            case Kind.UUID:
                return call("LOWER", _as(value, "TEXT"))
            case Kind.BYTES:
                return call("BASE64", _as(value, "VARBINARY"))
            case Kind.FLOAT:
                return _float_text(_as(value, "DOUBLE"))
            case Kind.JSON | Kind.ARRAY | Kind.STRUCT:
                return _as(self.to_wire(value, type_), "TEXT")
            case Kind.STRING | Kind.DECIMAL:
                return _as(value, "TEXT")
            case _:
                return _as(_as(value, _TYPES[type_.kind]), "TEXT")

    def _array(self, value: exp.Expression, type_: Type) -> exp.Expression:
        item = type_.item
        if item is None:
            raise ValueError("an array type names its item")
        name = f"e{str(type_).count('<')}"
        typed = cast_as(value, _spelt(type_))
        each = exp.Lambda(
            this=self.to_wire(exp.column(name, quoted=True), item), expressions=[exp.to_identifier(name, quoted=True)]
        )
        return when((is_set(copied(value)), call("TO_JSON", call("LIST_TRANSFORM", typed, each))))

    def _struct(self, value: exp.Expression, type_: Type) -> exp.Expression:
        typed = cast_as(value, _spelt(type_))
        parts: Args = []
        for name, field in type_.fields:
            parts += [text(name), self.to_wire(call("STRUCT_EXTRACT", copied(typed), text(name)), field)]
        return when((is_set(copied(value)), call("JSON_OBJECT", *parts)))

    # --- nested JSON

    def array_of(self, items: Args) -> exp.Expression:
        return call("JSON_ARRAY", *items)

    def object_of(self, items: Args) -> exp.Expression:
        return call("JSON_OBJECT", *items)

    def rows_of(self, item: exp.Expression, order: exp.Expression) -> exp.Expression:
        ordered = exp.Order(this=item, expressions=[exp.Ordered(this=order, nulls_first=False)])
        return call("COALESCE", call("TO_JSON", call("LIST", ordered)), _as(text("[]"), "JSON"))

    # --- functions

    def like(self, value: exp.Expression, pattern: exp.Expression, ignore_case: bool) -> exp.Expression:
        kind = exp.ILike if ignore_case else exp.Like
        return exp.Paren(this=exp.Escape(this=kind(this=value, expression=pattern), expression=text("\\")))

    def truncate(self, unit: str, value: exp.Expression) -> exp.Expression:
        return call("DATE_TRUNC", text(unit), value)

    def deviation(self, value: exp.Expression) -> exp.Expression:
        return aggregate("STDDEV_SAMP", inside(value, lambda inner: _as(inner, "DOUBLE")))

    def percentile(self, value: exp.Expression, at: exp.Expression) -> exp.Expression:
        return aggregate("QUANTILE_CONT", _as(value, "DOUBLE"), at)

    def hmac(self, inner: exp.Expression, outer: exp.Expression, message: exp.Expression) -> exp.Expression:
        first = call("SHA256", concat(inner, call("ENCODE", _as(message, "TEXT"))))
        return call("SHA256", concat(outer, call("UNHEX", first)))

    def first_63_bits(self, hexadecimal: exp.Expression) -> exp.Expression:
        eight = cast_as(concat(text("0x"), call("LEFT", hexadecimal, number(16))), "UBIGINT")
        return _as(exp.Paren(this=exp.BitwiseRightShift(this=eight, expression=number(1))), "BIGINT")

    def regex_replace(
        self, value: exp.Expression, pattern: exp.Expression, replacement: exp.Expression
    ) -> exp.Expression:
        return call("REGEXP_REPLACE", value, pattern, replacement, text("gs"))

    def floor_to(self, value: exp.Expression, width: exp.Expression, real: bool) -> exp.Expression:
        return self.floor_real(value, width) if real else self.floor_mod(value, width)

    def round_to(self, value: exp.Expression, digits: exp.Expression) -> exp.Expression:
        """Through the shortest decimal text, so that 1.005 rounds to 1.01 as it reads, in every engine alike."""
        # Left of the point the decimals stay until ROUND: cutting them first would round twice (149.6, 150, 200).
        places = int(digits.sql()) if int(digits.sql()) >= 0 else _SCALE
        exact = exp.TryCast(this=_as(value, "TEXT"), to=exp.DataType.build(f"DECIMAL(38, {places})"), safe=True)
        rounded = exact if int(digits.sql()) >= 0 else call("ROUND", exact, digits)
        return call("COALESCE", rounded, copied(value))

    def split_part(self, value: exp.Expression, mark: exp.Expression, at: exp.Expression) -> exp.Expression:
        whole = when((compare(exp.EQ, copied(at), number(1)), copied(value)), otherwise=text(""))
        return when((compare(exp.EQ, mark, text("")), whole), otherwise=call("SPLIT_PART", value, copied(mark), at))


@cache
def _spelt(type_: Type) -> str:
    return _data_type(type_).sql("duckdb", identify=True)


def _data_type(type_: Type) -> exp.DataType:
    if type_.kind is Kind.ARRAY and type_.item is not None:
        return exp.DataType(this=exp.DataType.Type.ARRAY, expressions=[_data_type(type_.item)], nested=True)
    if type_.kind is Kind.STRUCT:
        fields = [exp.ColumnDef(this=exp.to_identifier(n, quoted=True), kind=_data_type(t)) for n, t in type_.fields]
        return exp.DataType(this=exp.DataType.Type.STRUCT, expressions=fields, nested=True)
    if type_.kind is Kind.DECIMAL:
        precision, scale = (type_.precision, type_.scale or 0) if type_.precision is not None else (38, _SCALE)
        return exp.DataType.build(f"DECIMAL({min(precision, 38)}, {min(scale, 38)})")
    return exp.DataType.build(_TYPES[type_.kind])


@cache
def _own(spelt: str) -> str:
    """The engine's name of a type that sqlglot spells for every engine."""
    return exp.DataType.build(spelt, dialect="duckdb").sql("duckdb")


def _as(value: exp.Expression, spelt: str) -> exp.Cast:
    return cast_as(value, _own(spelt))


def _typed(parameter: exp.Expression, type_: Type, brackets: str) -> exp.Expression:
    """A cast placeholder: the engine reads everything but numbers, booleans and bytes from text."""
    if type_.kind is Kind.BYTES:
        return _as(parameter, f"VARBINARY{brackets}")
    if type_.kind in _NATIVE:
        return _as(parameter, f"{_NATIVE[type_.kind]}{brackets}")
    read = _as(parameter, f"TEXT{brackets}")
    if type_.kind is Kind.STRING:
        return read
    scale = max(_SCALE, type_.scale or 0)
    spelt = f"DECIMAL(38, {scale})" if type_.kind is Kind.DECIMAL else _TYPES.get(type_.kind, "JSON")
    return _as(read, f"{spelt}{brackets}")


def _float_text(value: exp.Expression) -> exp.Expression:
    """The text of a float as the gateway writes it; the engine's own notation differs only far from 1."""
    size = call("ABS", value)
    near = both(compare(exp.GTE, size, number("1e-5")), compare(exp.LT, copied(size), number("1e16")))
    usual = either(compare(exp.EQ, copied(value), number(0)), near)
    spelt = call("REPLACE", _as(copied(value), "TEXT"), text("e-0"), text("e-"))
    return when((usual, _as(call("TO_JSON", copied(value)), "TEXT")), (call("ISFINITE", copied(value)), spelt))


def _moment(value: exp.Expression, zone: str) -> exp.Expression:
    """A date and time with a fraction only where it is not zero; NULL for infinities."""
    whole = compare(exp.EQ, exp.Mod(this=call("MICROSECOND", value), expression=number(1_000_000)), number(0))
    short = call("STRFTIME", copied(value), text(f"%Y-%m-%dT%H:%M:%S{zone}"))
    long = call("STRFTIME", copied(value), text(f"%Y-%m-%dT%H:%M:%S.%f{zone}"))
    return when(
        (exp.Not(this=exp.Paren(this=call("ISFINITE", copied(value)))), exp.Null()), (whole, short), otherwise=long
    )


def _interval(value: exp.Expression) -> exp.Expression:
    """ISO 8601 from months, days and microseconds, each part with its own sign."""
    return _let(value, "i", lambda i: _let(_calendar(i), "d", lambda d: _let(_clock(i), "t", lambda t: _iso(i, d, t))))


def _iso(interval: exp.Expression, days: exp.Expression, clock: exp.Expression) -> exp.Expression:
    no_clock = compare(exp.EQ, clock, text(""))
    empty = both(compare(exp.EQ, days, text("")), no_clock)
    return when(
        (is_null(interval), exp.Null()),
        (empty, text("PT0S")),
        (copied(no_clock), concat(text("P"), copied(days))),
        otherwise=concat(text("P"), copied(days), text("T"), copied(clock)),
    )


def _calendar(interval: exp.Expression) -> exp.Expression:
    return concat(_part(interval, "year", "Y"), _part(interval, "month", "M"), _part(interval, "day", "D"))


def _clock(interval: exp.Expression) -> exp.Expression:
    micros = call("DATEPART", text("microsecond"), copied(interval))
    size = call("ABS", micros)
    rest = exp.Paren(this=exp.Mod(this=copied(size), expression=number(1_000_000)))
    fraction = concat(text("."), call("LPAD", _as(rest, "TEXT"), number(6), text("0")))
    seconds = concat(
        when((compare(exp.LT, copied(micros), number(0)), text("-")), otherwise=text("")),
        _as(exp.Paren(this=exp.IntDiv(this=size, expression=number(1_000_000))), "TEXT"),
        call("RTRIM", call("RTRIM", fraction, text("0")), text(".")),
        text("S"),
    )
    some = when((compare(exp.NEQ, copied(micros), number(0)), seconds), otherwise=text(""))
    return concat(_part(interval, "hour", "H"), _part(interval, "minute", "M"), some)


def _part(interval: exp.Expression, name: str, sign: str) -> exp.Expression:
    count = call("DATEPART", text(name), copied(interval))
    spelt = concat(_as(copied(count), "TEXT"), text(sign))
    return when((compare(exp.NEQ, count, number(0)), spelt), otherwise=text(""))


def _let(value: exp.Expression, name: str, body: Callable[[exp.Expression], exp.Expression]) -> exp.Expression:
    """``body`` over a value that is computed once: a list of one, transformed."""
    named = exp.column(name, quoted=True)
    each = exp.Lambda(this=body(named), expressions=[exp.to_identifier(name, quoted=True)])
    return call("LIST_EXTRACT", call("LIST_TRANSFORM", call("LIST_VALUE", value), each), number(1))

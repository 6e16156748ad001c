"""MariaDB and MySQL: flat rows, padded lists, one collation that compares by code point without padding.

Rows carry what these engines have no type for (booleans, JSON) as binary strings of JSON text; the row reader parses
those. Intervals, arrays and structs are not types here: what stands for them is passed on as text or JSON.
"""

from __future__ import annotations

from sqlglot import exp

from resolvers.backends.dialect import Capabilities
from resolvers.backends.filtered import filtered
from resolvers.backends.lowering import aggregate, inside
from resolvers.backends.marked import Marked
from resolvers.backends.spelling import both, call, cast_as, compare, concat, minus, number, over, text, when, word
from schema.query import Slot
from schema.trees import copied
from schema.types import Kind, Type

_TYPES = {
    Kind.INTEGER: "SIGNED",
    Kind.BIGINT: "SIGNED",
    Kind.FLOAT: "DOUBLE",
    Kind.DATE: "DATE",
    Kind.TIME: "TIME(6)",
    Kind.DATETIME: "DATETIME(6)",
    Kind.TIMESTAMP: "DATETIME(6)",
    Kind.BYTES: "BINARY",
}
_STORED = {Kind.STRING, Kind.DATE, Kind.DATETIME, Kind.TIMESTAMP, Kind.TIME, Kind.UUID}
_BOUND = {Kind.DATE, Kind.TIME, Kind.DATETIME, Kind.TIMESTAMP}
COLLATION, MYSQL_COLLATION = "utf8mb4_nopad_bin", "utf8mb4_0900_bin"
"""By code point, without padding: MariaDB's name for it, and that of MySQL proper."""
_SECONDS = "%Y-%m-%dT%H:%i:%S"
_STARTS = {
    "second": "%Y-%m-%d %H:%i:%S",
    "minute": "%Y-%m-%d %H:%i:00",
    "hour": "%Y-%m-%d %H:00:00",
    "day": "%Y-%m-%d 00:00:00",
    "month": "%Y-%m-01 00:00:00",
    "year": "%Y-01-01 00:00:00",
}


_AS_JSON = frozenset({Kind.BOOLEAN, Kind.JSON, Kind.ARRAY, Kind.STRUCT})


class MySQLDialect(Marked):
    name = "mysql"
    sqlglot_name = "mysql"
    capabilities = Capabilities(tree=False, arrays=False, percentile=False, as_json=_AS_JSON)

    def scalar(self, slot: Slot, at: int, node: exp.Placeholder) -> exp.Expression:
        bound = super().scalar(slot, at, node)
        return cast_as(bound, _TYPES[slot.type.kind]) if slot.type.kind in _BOUND else bound

    def has(self, array: exp.Expression, value: exp.Expression) -> exp.Expression:
        quoted = call("JSON_EXTRACT", call("JSON_ARRAY", value), text("$[0]"))
        return when(
            (
                exp.Not(this=exp.Paren(this=exp.Is(this=copied(value), expression=exp.Null()))),
                call("JSON_CONTAINS", array, quoted),
            )
        )

    def rewrite(self, node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Filter):
            return filtered(node)
        if isinstance(node, exp.Not) and isinstance(node.parent, exp.Predicate):
            return exp.Paren(this=exp.Not(this=copied(node.this)))  # NOT binds more loosely than =
        return super().rewrite(node)

    def real(self, value: exp.Expression) -> exp.Expression:
        return cast_as(value, "DOUBLE")

    # --- types

    def convert(self, value: exp.Expression, type_: Type) -> exp.Expression:
        if type_.kind is Kind.DECIMAL:
            scale = type_.scale or 0 if type_.precision is not None else 9
            return cast_as(value, f"DECIMAL(65, {min(scale, 30)})")
        if type_.kind is Kind.BOOLEAN:
            return exp.Paren(this=compare(exp.NEQ, value, number(0)))
        if type_.kind in (Kind.STRING, Kind.UUID):
            return self.stored(value, type_)
        return cast_as(value, _TYPES[type_.kind]) if type_.kind in _TYPES else value

    def stored(self, value: exp.Expression, type_: Type) -> exp.Expression:
        if type_.kind not in _STORED:
            return value
        if type_.kind in _TYPES:
            return cast_as(value, _TYPES[type_.kind])
        characters = cast_as(value, "CHAR")
        spelt = call("LOWER", characters) if type_.kind is Kind.UUID else characters
        return self._by_code_point(spelt)

    def _by_code_point(self, value: exp.Expression) -> exp.Expression:
        return exp.Paren(this=exp.Collate(this=value, expression=word(COLLATION)))

    def to_wire(self, value: exp.Expression, type_: Type) -> exp.Expression:
        match type_.kind:
            case Kind.INTEGER:
                return cast_as(value, "SIGNED")
            case Kind.FLOAT:
                return cast_as(value, "DOUBLE")
            case Kind.BOOLEAN:
                return cast_as(_truth(value), "BINARY")
            case Kind.JSON | Kind.ARRAY | Kind.STRUCT:
                return cast_as(value, "BINARY")
            case _:
                return self.to_text(value, type_)

    def to_text(self, value: exp.Expression, type_: Type | None) -> exp.Expression:
        return self._by_code_point(cast_as(value, "CHAR") if type_ is None else self._spelt(value, type_))

    def _spelt(self, value: exp.Expression, type_: Type) -> exp.Expression:
        match type_.kind:
            case Kind.BIGINT | Kind.INTEGER:
                return cast_as(cast_as(value, "SIGNED"), "CHAR")
            case Kind.DECIMAL if type_.precision is not None:
                return cast_as(self.convert(value, type_), "CHAR")
            case Kind.FLOAT:
                return _float_text(cast_as(value, "DOUBLE"))
            case Kind.BOOLEAN:
                return _truth(value)
            case Kind.DATE:
                return call("DATE_FORMAT", value, text("%Y-%m-%d"))
            case Kind.TIME:
                return _moment("TIME_FORMAT", value, "%H:%i:%S", "")
            case Kind.DATETIME | Kind.TIMESTAMP:
                zone = "Z" if type_.kind is Kind.TIMESTAMP else ""
                return _moment("DATE_FORMAT", value, _SECONDS, zone)
            case Kind.UUID:
                return call("LOWER", cast_as(value, "CHAR"))
            case Kind.BYTES:
                return call("REPLACE", call("TO_BASE64", value), text("\n"), text(""))
            case _:
                return cast_as(value, "CHAR")

    # --- functions

    def like(self, value: exp.Expression, pattern: exp.Expression, ignore_case: bool) -> exp.Expression:
        sides = [call("LOWER", side) if ignore_case else side for side in (value, pattern)]
        return exp.Paren(this=exp.Like(this=sides[0], expression=sides[1]))

    def truncate(self, unit: str, value: exp.Expression) -> exp.Expression:
        if unit == "week":
            monday = exp.DateSub(this=call("DATE", value), expression=call("WEEKDAY", copied(value)), unit=word("DAY"))
            return cast_as(monday, "DATETIME(6)")
        if unit == "quarter":
            months = exp.Paren(this=exp.Mul(this=minus(call("QUARTER", value), number(1)), expression=number(3)))
            year = call("MAKEDATE", call("YEAR", copied(value)), number(1))
            return cast_as(exp.DateAdd(this=year, expression=months, unit=word("MONTH")), "DATETIME(6)")
        return cast_as(call("DATE_FORMAT", value, text(_STARTS[unit])), "DATETIME(6)")

    def deviation(self, value: exp.Expression) -> exp.Expression:
        return aggregate("STDDEV_SAMP", inside(value, lambda part: cast_as(part, "DOUBLE")))

    def percentile(self, value: exp.Expression, at: exp.Expression) -> exp.Expression:
        raise ValueError("this engine has no percentiles")

    def hmac(self, inner: exp.Expression, outer: exp.Expression, message: exp.Expression) -> exp.Expression:
        first = call("SHA2", call("CONCAT", inner, cast_as(cast_as(message, "CHAR"), "BINARY")), number(256))
        second = call("SHA2", call("CONCAT", outer, call("UNHEX", first)), number(256))
        return self._by_code_point(cast_as(second, "CHAR"))

    def first_63_bits(self, hexadecimal: exp.Expression) -> exp.Expression:
        eight = cast_as(call("CONV", call("LEFT", hexadecimal, number(16)), number(16), number(10)), "UNSIGNED")
        return cast_as(exp.Paren(this=exp.BitwiseRightShift(this=eight, expression=number(1))), "SIGNED")

    regex_transform = "regex_perl"

    def regex_replace(
        self, value: exp.Expression, pattern: exp.Expression, replacement: exp.Expression
    ) -> exp.Expression:
        return call("REGEXP_REPLACE", value, call("CONCAT", text("(?s)"), pattern), replacement)

    def floor_to(self, value: exp.Expression, width: exp.Expression, real: bool) -> exp.Expression:
        return self.floor_real(value, width) if real else self.floor_mod(value, width)

    def round_to(self, value: exp.Expression, digits: exp.Expression) -> exp.Expression:
        """Through the shortest decimal text, so that 1.005 rounds to 1.01 as it reads, in every engine alike."""
        exact = cast_as(cast_as(value, "CHAR"), "DECIMAL(65, 30)")
        small = compare(exp.LT, call("ABS", copied(value)), number("1e34"))
        return when((small, call("ROUND", exact, digits)), otherwise=copied(value))

    def split_part(self, value: exp.Expression, mark: exp.Expression, at: exp.Expression) -> exp.Expression:
        without = call("REPLACE", copied(value), copied(mark), text(""))
        marks = over(minus(call("CHAR_LENGTH", copied(value)), call("CHAR_LENGTH", without)), call("CHAR_LENGTH", mark))
        inside_ = both(compare(exp.GTE, copied(at), number(1)), compare(exp.LTE, minus(copied(at), number(1)), marks))
        whole = when((compare(exp.EQ, copied(at), number(1)), copied(value)), otherwise=text(""))
        upto = call("SUBSTRING_INDEX", value, copied(mark), at)
        part = call("SUBSTRING_INDEX", upto, copied(mark), exp.Neg(this=number(1)))
        no_mark = compare(exp.EQ, call("CHAR_LENGTH", copied(mark)), number(0))
        missing = exp.Is(this=copied(value), expression=exp.Null())
        return when((missing, exp.Null()), (no_mark, whole), (inside_, part), otherwise=text(""))

    def length(self, value: exp.Expression) -> exp.Expression:
        return call("CHAR_LENGTH", value)


def _truth(value: exp.Expression) -> exp.Expression:
    return when((value, text("true")), (exp.Not(this=exp.Paren(this=copied(value))), text("false")))


def _moment(function: str, value: exp.Expression, form: str, zone: str) -> exp.Expression:
    """A fraction only where it is not zero."""
    whole = compare(exp.EQ, call("MICROSECOND", value), number(0))
    return call(function, copied(value), when((whole, text(form + zone)), otherwise=text(f"{form}.%f{zone}")))


def _float_text(value: exp.Expression) -> exp.Expression:
    """A float as JSON writes it; far from 1 the engine's own choice between ``0.000001`` and ``1e-6`` stands."""
    plain = cast_as(value, "CHAR")
    exponent = exp.Like(this=plain, expression=text("%e%"))
    large = call("REPLACE", call("REPLACE", copied(plain), text("e"), text("e+")), text("e+-"), text("e-"))
    whole = exp.Not(this=exp.Paren(this=exp.Like(this=copied(plain), expression=text("%.%"))))
    return when((exponent, large), (whole, concat(copied(plain), text(".0"))), otherwise=copied(plain))

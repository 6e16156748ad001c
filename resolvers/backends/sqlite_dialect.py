"""SQLite: whatever its own functions leave open is said by Python functions that the back end registers (``CH_..``).

Rows carry what SQLite has no type for (booleans, JSON) as BLOBs of JSON text; the row reader parses those.
"""

from __future__ import annotations

from sqlglot import exp

from resolvers.backends.dialect import Capabilities
from resolvers.backends.lowering import aggregate
from resolvers.backends.marked import Marked
from resolvers.backends.spelling import call, cast, compare, number, text, when, word
from schema.trees import copied
from schema.types import Kind, Type

_MOMENTS = {Kind.DATE: "date", Kind.TIME: "time", Kind.DATETIME: "datetime", Kind.TIMESTAMP: "timestamp"}
_LARGEST = "1.7976931348623157e308"


_AS_JSON = frozenset({Kind.BOOLEAN, Kind.JSON, Kind.ARRAY, Kind.STRUCT})


class SQLiteDialect(Marked):
    name = "sqlite"
    sqlglot_name = "sqlite"
    capabilities = Capabilities(tree=False, arrays=False, as_json=_AS_JSON)

    def has(self, array: exp.Expression, value: exp.Expression) -> exp.Expression:
        return call("CH_HAS", array, value)

    # --- types

    def convert(self, value: exp.Expression, type_: Type) -> exp.Expression:
        match type_.kind:
            case Kind.INTEGER | Kind.BIGINT:
                return cast(value, "BIGINT")
            case Kind.FLOAT:
                return cast(value, "DOUBLE")
            case Kind.DECIMAL:
                return call("CH_NUMBER", value)
            case Kind.BOOLEAN:
                return call("CH_BOOLEAN", value)
            case Kind.BYTES:
                return cast(value, "VARBINARY")
            case _:
                return self.stored(value, type_)

    def stored(self, value: exp.Expression, type_: Type) -> exp.Expression:
        match type_.kind:
            case Kind.STRING:
                return exp.Paren(this=exp.Collate(this=cast(value, "TEXT"), expression=word("BINARY")))
            case Kind.DECIMAL:
                return call("CH_NUMBER", value)
            case Kind.DATE | Kind.TIME | Kind.DATETIME | Kind.TIMESTAMP:
                return call("CH_MOMENT", value, text(_MOMENTS[type_.kind]))
            case Kind.UUID:
                return call("CH_UUID", value)
            case _:
                return value

    def to_wire(self, value: exp.Expression, type_: Type) -> exp.Expression:
        match type_.kind:
            case Kind.INTEGER:
                return cast(value, "BIGINT")
            case Kind.FLOAT:
                real = cast(value, "DOUBLE")
                finite = compare(exp.LTE, call("ABS", real), number(_LARGEST))
                return when((finite, copied(real)))
            case Kind.BOOLEAN | Kind.JSON | Kind.ARRAY | Kind.STRUCT:
                return cast(call("CH_WIRE", value, text(str(type_))), "VARBINARY")
            case _:
                return self.to_text(value, type_)

    def to_text(self, value: exp.Expression, type_: Type | None) -> exp.Expression:
        if type_ is None or type_.kind is Kind.STRING:
            return cast(value, "TEXT")
        return call("CH_WIRE", value, text(str(type_)))

    # --- functions

    def like(self, value: exp.Expression, pattern: exp.Expression, ignore_case: bool) -> exp.Expression:
        return call("CH_ILIKE" if ignore_case else "CH_LIKE", value, pattern)

    def truncate(self, unit: str, value: exp.Expression) -> exp.Expression:
        return call("CH_TRUNCATE", text(unit), value)

    def total(self, value: exp.Expression) -> exp.Expression:
        return aggregate("CH_SUM", value)

    def average(self, value: exp.Expression) -> exp.Expression:
        return aggregate("CH_AVG", value)

    def deviation(self, value: exp.Expression) -> exp.Expression:
        return aggregate("CH_STDDEV", value)

    def percentile(self, value: exp.Expression, at: exp.Expression) -> exp.Expression:
        return aggregate("CH_PERCENTILE", value, at)

    def hmac(self, inner: exp.Expression, outer: exp.Expression, message: exp.Expression) -> exp.Expression:
        return call("CH_HMAC", inner, outer, message)

    def first_63_bits(self, hexadecimal: exp.Expression) -> exp.Expression:
        return call("CH_63_BITS", hexadecimal)

    def regex_replace(
        self, value: exp.Expression, pattern: exp.Expression, replacement: exp.Expression
    ) -> exp.Expression:
        return call("CH_REGEX_REPLACE", value, pattern, replacement)

    def floor_to(self, value: exp.Expression, width: exp.Expression, real: bool) -> exp.Expression:
        return call("CH_FLOOR_TO", value, width)

    def round_to(self, value: exp.Expression, digits: exp.Expression) -> exp.Expression:
        return call("CH_ROUND_TO", value, digits)

    def split_part(self, value: exp.Expression, mark: exp.Expression, at: exp.Expression) -> exp.Expression:
        return call("CH_SPLIT_PART", value, mark, at)

    def left(self, value: exp.Expression, count: exp.Expression) -> exp.Expression:
        return call("CH_LEFT", value, count)

    def right(self, value: exp.Expression, count: exp.Expression) -> exp.Expression:
        return call("CH_RIGHT", value, count)

    def length(self, value: exp.Expression) -> exp.Expression:
        return call("CH_LENGTH", value)

    def repeat(self, value: exp.Expression, count: exp.Expression) -> exp.Expression:
        return call("CH_REPEAT", value, count)

"""PostgreSQL: nested JSON from ``json_build_array`` and ``json_agg``, lists as one array bind.

Strings compare and sort by code point: stored strings carry ``COLLATE "C"``. Equality with a bind is asked in the
database's own collation, so that its indexes serve it. Letters are folded by Unicode. All of that is written for a
server of version 17 whose databases sort by language; `spelt_for` takes out what another one does not need or know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property

from sqlglot import exp

from resolvers.backends.dialect import Capabilities
from resolvers.backends.lowering import Args, Binds, Lowering, aggregate, inside
from resolvers.backends.postgres_json import converted
from resolvers.backends.spelling import (
    both,
    call,
    cast_as,
    compare,
    concat,
    is_set,
    number,
    text,
    when,
    word,
)
from schema.query import Slot
from schema.trees import copied
from schema.types import Kind, Type

TYPES = {
    Kind.BOOLEAN: "BOOLEAN",
    Kind.INTEGER: "BIGINT",
    Kind.BIGINT: "BIGINT",
    Kind.FLOAT: "DOUBLE PRECISION",
    Kind.STRING: "TEXT",
    Kind.DECIMAL: "NUMERIC",
    Kind.DATE: "DATE",
    Kind.TIME: "TIME",
    Kind.DATETIME: "TIMESTAMP",
    Kind.TIMESTAMP: "TIMESTAMPTZ",
    Kind.INTERVAL: "INTERVAL",
    Kind.UUID: "UUID",
    Kind.JSON: "JSONB",
    Kind.BYTES: "BYTEA",
}
_NATIVE = {Kind.BOOLEAN, Kind.INTEGER, Kind.BIGINT, Kind.FLOAT, Kind.BYTES}
_STORED = {Kind.STRING, Kind.DATE, Kind.DATETIME, Kind.TIMESTAMP, Kind.TIME, Kind.UUID, Kind.BOOLEAN}
_CONVERTED = {Kind.ARRAY, Kind.STRUCT}
_MOST_ARGUMENTS = 100
_CODE_POINT, _OWN, _FOLDING = '"C"', '"default"', '"pg_c_utf8"'


class PostgresDialect(Lowering):
    name = "postgres"
    sqlglot_name = "postgres"
    capabilities = Capabilities(tree=True, arrays=True, aggregates_rows=True)

    # --- binds

    def scalar(self, slot: Slot, at: int, node: exp.Placeholder) -> exp.Expression:
        return _typed(at, slot.type, "")

    def list_bind(self, slot: Slot, at: int) -> exp.Expression:
        return _typed(at, slot.type, "[]")

    def member(self, value: exp.Expression, listed: exp.Expression, slot: Slot) -> exp.Expression:
        return exp.Paren(this=compare(exp.EQ, value, call("ANY", self._own_collation(value, listed, slot.type))))

    def bound(self, token: exp.Expression, keys: exp.Expression, values: exp.Expression) -> exp.Expression:
        at = call("ARRAY_POSITION", keys, token)
        return exp.Bracket(this=exp.Paren(this=values), expressions=[at], offset=1)

    def has(self, array: exp.Expression, value: exp.Expression) -> exp.Expression:
        """True or false for any array and value that are there, NULL elements or not."""
        known = both(is_set(array), is_set(value))
        found = compare(exp.EQ, copied(value), call("ANY", copied(array)))
        return call("COALESCE", exp.Paren(this=found), when((known, exp.false())))

    def rewrite(self, node: exp.Expression) -> exp.Expression:
        """``column = bind`` of strings in the database's own collation; letters folded by Unicode."""
        if isinstance(node, exp.Lower | exp.Upper):
            return _by_code_point(type(node)(this=_collate(node.this, _FOLDING)))
        if isinstance(node, exp.Literal) and 'COLLATE "' in node.name:
            raise ValueError("a literal may not hold the text of a collation")
        if isinstance(node, exp.EQ | exp.NEQ):
            for side, other in (("this", "expression"), ("expression", "this")):
                bound, column = node.args[side], node.args[other]
                if isinstance(column, exp.Column) and _is_text_bind(bound):
                    node.set(side, _collate(bound, _OWN))
        return node

    def _own_collation(self, value: exp.Expression, listed: exp.Expression, type_: Type) -> exp.Expression:
        text_column = type_.kind is Kind.STRING and isinstance(value, exp.Column)
        return _collate(listed, _OWN) if text_column else listed

    # --- types

    def convert(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return cast_as(value, spelt(type_))

    def stored(self, value: exp.Expression, type_: Type) -> exp.Expression:
        if type_.kind not in _STORED:
            return value
        converted_ = self.convert(value, type_)
        return _by_code_point(converted_) if type_.kind is Kind.STRING else converted_

    def to_wire(self, value: exp.Expression, type_: Type) -> exp.Expression:
        match type_.kind:
            case Kind.BOOLEAN:
                return cast_as(value, "BOOLEAN")
            case Kind.INTEGER:
                return cast_as(value, "BIGINT")
            case Kind.FLOAT:
                return _float(cast_as(value, "DOUBLE PRECISION"))
            case Kind.JSON:
                return cast_as(value, "JSON")
            case Kind.ARRAY | Kind.STRUCT:
                return converted(call("TO_JSON", value), type_, self.to_wire)
            case _:
                return self._spelt(value, type_)

    def to_cell(self, value: exp.Expression, type_: Type) -> exp.Expression:
        if type_.kind is Kind.FLOAT:
            return cast_as(value, "DOUBLE PRECISION")
        return self.to_wire(value, type_)

    def to_text(self, value: exp.Expression, type_: Type | None) -> exp.Expression:
        return _by_code_point(cast_as(value, "TEXT") if type_ is None else self._spelt(value, type_))

    def _spelt(self, value: exp.Expression, type_: Type) -> exp.Expression:
        match type_.kind:
            case Kind.STRING:
                return cast_as(value, "TEXT")
            case Kind.DECIMAL:
                return _decimal(cast_as(value, "NUMERIC"), type_)
            case Kind.DATE:
                day = cast_as(value, "DATE")
                return when((call("ISFINITE", day), cast_as(copied(day), "TEXT")))
            case Kind.TIME:
                day = cast_as(text("2000-01-01"), "DATE")
                moment = exp.Paren(this=exp.Add(this=day, expression=cast_as(value, "TIME")))
                return _moment(moment, "HH24:MI:SS", "")
            case Kind.DATETIME:
                return _moment(cast_as(value, "TIMESTAMP"), 'YYYY-MM-DD"T"HH24:MI:SS', "")
            case Kind.TIMESTAMP:
                utc = exp.Paren(this=exp.AtTimeZone(this=cast_as(value, "TIMESTAMPTZ"), zone=text("UTC")))
                return _moment(utc, 'YYYY-MM-DD"T"HH24:MI:SS', '"Z"')
            case Kind.UUID:
                return call("LOWER", cast_as(value, "TEXT"))
            case Kind.BYTES:
                lines = call("ENCODE", cast_as(value, "BYTEA"), text("base64"))
                return call("TRANSLATE", lines, call("CHR", number(10)), text(""))
            case Kind.FLOAT:
                return _float_text(cast_as(value, "DOUBLE PRECISION"))
            case Kind.JSON | Kind.ARRAY | Kind.STRUCT:
                return cast_as(self.to_wire(value, type_), "TEXT")
            case _:
                return cast_as(cast_as(value, spelt(type_)), "TEXT")

    # --- nested JSON

    def json_one(self, select: exp.Select, items: list[tuple[str, exp.Expression]], name: str) -> exp.Select:
        """Rows that are objects already: naming the columns costs the server less than naming them in a function."""
        return _whole_rows(select, items, name, "CH_JSON_WHOLE")

    def json_list(
        self, select: exp.Select, items: list[tuple[str, exp.Expression]], name: str, order: exp.Expression | None
    ) -> exp.Select:
        """The server aggregates the rows of a single ordered sub-select in its order."""
        return _whole_rows(select, items, name, "CH_JSON_LIST")

    @cached_property
    def _rules(self) -> Mapping[str, Callable[[Args, Binds], exp.Expression]]:
        return {
            **super()._rules,
            "CH_JSON_WHOLE": lambda args, binds: call("ROW_TO_JSON", args[0]),
            "CH_JSON_LIST": lambda args, binds: call(
                "COALESCE", call("JSON_AGG", args[0]), cast_as(text("[]"), "JSON")
            ),
        }

    def array_of(self, items: Args) -> exp.Expression:
        if len(items) <= _MOST_ARGUMENTS:
            return call("JSON_BUILD_ARRAY", *items)
        parts = exp.Array(expressions=[call("TO_JSON", item) for item in items])
        return call("ARRAY_TO_JSON", parts)

    def object_of(self, items: Args) -> exp.Expression:
        if len(items) <= _MOST_ARGUMENTS:
            return call("JSON_BUILD_OBJECT", *items)
        named = [exp.alias_(value, name.name, quoted=True) for name, value in zip(items[::2], items[1::2], strict=True)]
        row = exp.select(*named).subquery("o")
        return exp.select(call("ROW_TO_JSON", exp.column("o"))).from_(row).subquery()

    def rows_of(self, item: exp.Expression, order: exp.Expression) -> exp.Expression:
        ordered = exp.Order(this=item, expressions=[exp.Ordered(this=order, nulls_first=False)])
        return call("COALESCE", call("JSON_AGG", ordered), cast_as(text("[]"), "JSON"))

    # --- functions

    def like(self, value: exp.Expression, pattern: exp.Expression, ignore_case: bool) -> exp.Expression:
        if ignore_case:
            return exp.Paren(this=exp.ILike(this=_collate(value, _FOLDING), expression=pattern))
        return exp.Paren(this=exp.Like(this=value, expression=pattern))

    def truncate(self, unit: str, value: exp.Expression) -> exp.Expression:
        return call("DATE_TRUNC", text(unit), value)

    def deviation(self, value: exp.Expression) -> exp.Expression:
        return aggregate("STDDEV_SAMP", inside(value, lambda part: cast_as(part, "DOUBLE PRECISION")))

    def percentile(self, value: exp.Expression, at: exp.Expression) -> exp.Expression:
        order = exp.Order(expressions=[exp.Ordered(this=cast_as(value, "DOUBLE PRECISION"), nulls_first=False)])
        within = exp.WithinGroup(this=call("PERCENTILE_CONT", at), expression=order)
        within.meta.update(aggregate("").meta)
        return within

    def hmac(self, inner: exp.Expression, outer: exp.Expression, message: exp.Expression) -> exp.Expression:
        first = call("SHA256", concat(inner, call("CONVERT_TO", cast_as(message, "TEXT"), text("UTF8"))))
        second = call("SHA256", concat(outer, first))
        return _by_code_point(call("ENCODE", second, text("hex")))

    def first_63_bits(self, hexadecimal: exp.Expression) -> exp.Expression:
        bits = cast_as(concat(text("x"), call("LEFT", hexadecimal, number(16))), "BIT(63)")
        return cast_as(bits, "BIGINT")

    def regex_replace(
        self, value: exp.Expression, pattern: exp.Expression, replacement: exp.Expression
    ) -> exp.Expression:
        return call("REGEXP_REPLACE", value, pattern, replacement, text("g"))

    def floor_to(self, value: exp.Expression, width: exp.Expression, real: bool) -> exp.Expression:
        return (
            self.floor_real(value, width)
            if real
            else self.floor_mod(cast_as(value, "NUMERIC"), cast_as(width, "NUMERIC"))
        )

    def round_to(self, value: exp.Expression, digits: exp.Expression) -> exp.Expression:
        """Through the shortest decimal text, so that 1.005 rounds to 1.01 as it reads, in every engine alike."""
        return call("ROUND", cast_as(cast_as(value, "TEXT"), "NUMERIC"), self.small(digits))

    def split_part(self, value: exp.Expression, mark: exp.Expression, at: exp.Expression) -> exp.Expression:
        return call("SPLIT_PART", value, mark, self.small(at))

    def small(self, count: exp.Expression) -> exp.Expression:
        return count if isinstance(count, exp.Literal) else cast_as(count, "INT")


def _whole_rows(select: exp.Select, items: list[tuple[str, exp.Expression]], name: str, function: str) -> exp.Select:
    select.set("expressions", [exp.alias_(value, key, quoted=True) for key, value in items])
    inner = select.subquery(exp.to_identifier(name, quoted=True), copy=False)
    return exp.select(exp.alias_(call(function, exp.column(name, quoted=True)), "j")).from_(inner, copy=False)


def spelt(type_: Type) -> str:
    """PostgreSQL's name of a logical type. Structs are held as JSON."""
    if type_.kind is Kind.ARRAY and type_.item is not None:
        return f"{spelt(type_.item)}[]"
    if type_.kind is Kind.DECIMAL and type_.precision is not None:
        return f"NUMERIC({type_.precision}, {type_.scale or 0})"
    return "JSONB" if type_.kind is Kind.STRUCT else TYPES[type_.kind]


def _typed(at: int, type_: Type, brackets: str) -> exp.Expression:
    """A cast parameter: the server reads everything but numbers, booleans and bytes from text."""
    parameter = exp.Parameter(this=number(at + 1))
    if type_.kind in _NATIVE:
        return cast_as(parameter, TYPES[type_.kind] + brackets)
    read = cast_as(parameter, f"TEXT{brackets}")
    return read if type_.kind is Kind.STRING else cast_as(read, TYPES.get(type_.kind, "JSONB") + brackets)


def spelt_for(text: str, binary: bool, unicode_folding: bool) -> str:
    """A rendered statement for one database. ``binary``: it is of collation C itself. ``unicode_folding``: it has the
    built-in collation that folds letters by Unicode (version 17, UTF-8); else its LC_CTYPE says what letters are."""
    if binary:
        text = text.replace(f" COLLATE {_CODE_POINT}", "").replace(f" COLLATE {_OWN}", "")
    return text if unicode_folding else text.replace(f" COLLATE {_FOLDING}", f" COLLATE {_OWN}")


def _by_code_point(value: exp.Expression) -> exp.Expression:
    return _collate(value, _CODE_POINT)


def _is_text_bind(node: exp.Expression) -> bool:
    if not isinstance(node, exp.Cast) or not isinstance(node.this, exp.Parameter):
        return False
    return node.to.name == "TEXT"


def _collate(value: exp.Expression, collation: str) -> exp.Expression:
    return exp.Paren(this=exp.Collate(this=value, expression=word(collation)))


def _decimal(value: exp.Expression, type_: Type) -> exp.Expression:
    """Text with the declared scale. NULL for NaN and infinities: both sort at or above infinity, or below minus it."""
    finite = compare(exp.LT, call("ABS", value), cast_as(text("Infinity"), "NUMERIC"))
    scaled = copied(value) if type_.precision is None else call("ROUND", copied(value), number(type_.scale or 0))
    return when((finite, cast_as(scaled, "TEXT")))


def _float(value: exp.Expression) -> exp.Expression:
    """A JSON number that says that it is a float, ``15.0`` where the server would write ``15``; NULL unless finite."""
    size = call("ABS", value)
    whole = both(
        compare(exp.EQ, copied(value), call("TRUNC", copied(value))), compare(exp.LT, copied(size), number("1e15"))
    )
    finite = compare(exp.LT, size, cast_as(text("Infinity"), "DOUBLE PRECISION"))
    spelt = cast_as(concat(cast_as(copied(value), "TEXT"), text(".0")), "JSON")
    return when((whole, spelt), (finite, call("TO_JSON", copied(value))))


def _float_text(value: exp.Expression) -> exp.Expression:
    """The text of a float as the gateway writes it: ``15.0``, ``0.00001``, ``1e+16``, ``1e-6``."""
    size = call("ABS", value)
    plain = cast_as(copied(value), "TEXT")
    exact = cast_as(cast_as(copied(plain), "NUMERIC"), "TEXT")
    whole = both(
        compare(exp.EQ, copied(value), call("TRUNC", copied(value))), compare(exp.LT, copied(size), number("1e16"))
    )
    small = both(compare(exp.LT, copied(size), number("1e-4")), compare(exp.GTE, copied(size), number("1e-5")))
    tiny = call("REPLACE", copied(plain), text("e-0"), text("e-"))
    return when(
        (compare(exp.EQ, copied(value), number(0)), concat(plain, text(".0"))),
        (whole, concat(exact, text(".0"))),
        (small, copied(exact)),
        (compare(exp.LT, size, cast_as(text("Infinity"), "DOUBLE PRECISION")), tiny),
    )


def _moment(value: exp.Expression, form: str, zone: str) -> exp.Expression:
    """A date and time with a fraction only where it is not zero; NULL for infinities."""
    whole = compare(exp.EQ, call("DATE_TRUNC", text("second"), value), copied(value))
    format_ = when((whole, text(form + zone)), otherwise=text(f"{form}.US{zone}"))
    return call("TO_CHAR", copied(value), format_)

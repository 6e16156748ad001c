"""BigQuery: flat rows, lists as one array parameter, parameters by name.

Correlated sub-selects with an order and a limit are nothing that BigQuery can run, so nested answers come level by
level. Strings compare by code point and sessions are in UTC without our help, so a stored column stands as it is: its
filter prunes partitions and clusters. The catalog's type of a column must therefore be the column's; another is a
statement that BigQuery refuses before it runs.

What is JSON comes as BYTES of its text in rows, and as its text in ``raw`` rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from resolvers.backends.bigquery_forms import grouped_by_columns, nulls_as_a_key, plain_limits
from resolvers.backends.bigquery_text import ENGINE, numeric, safe, spelt
from resolvers.backends.dialect import Capabilities, Statement
from resolvers.backends.filtered import filtered
from resolvers.backends.lowering import Lowering, aggregate, inside
from resolvers.backends.spelling import (
    both,
    call,
    cast_as,
    compare,
    concat,
    is_null,
    is_set,
    number,
    paren,
    text,
    when,
    word,
)
from schema.query import Slot
from schema.trees import copied
from schema.types import Kind, Type

_JSON = frozenset({Kind.JSON, Kind.ARRAY, Kind.STRUCT})
_RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank)
_UNITS = {"week": "WEEK(MONDAY)"}
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]")
"""What the names between our own relations have, and no column of BigQuery may: ``~key.0`` is ``_7ekey_2e0``."""


class BigQueryDialect(Lowering):
    name = "bigquery"
    sqlglot_name = "bigquery"
    capabilities = Capabilities(tree=False, arrays=True, as_json=_JSON)

    def render(self, query: exp.Expression, slots: Mapping[str, Slot]) -> Statement:
        tree = grouped_by_columns(copied(query))
        return super().render(tree, plain_limits(tree, slots))

    # --- binds

    def scalar(self, slot: Slot, at: int, node: exp.Placeholder) -> exp.Expression:
        return _read(_parameter(at), slot.type)

    def list_bind(self, slot: Slot, at: int) -> exp.Expression:
        """A list of bytes, JSON or intervals is read item by item, as each alone is."""
        item = exp.column("b", quoted=True)
        read = _read(item, slot.type)
        if read is item:
            return _parameter(at)
        alias = exp.TableAlias(columns=[exp.to_identifier("b", quoted=True)])
        listed = exp.Unnest(expressions=[_parameter(at)], alias=alias)
        return call("ARRAY", exp.select(read).from_(listed, copy=False))

    def member(self, value: exp.Expression, listed: exp.Expression, slot: Slot) -> exp.Expression:
        """As the standard's IN, down to a list that is empty or has a NULL."""
        return paren(_in(value, listed))

    def bound(self, token: exp.Expression, keys: exp.Expression, values: exp.Expression) -> exp.Expression:
        key, at = (exp.column(name, quoted=True) for name in ("k", "o"))
        listed = exp.Unnest(
            expressions=[keys],
            alias=exp.TableAlias(columns=[exp.to_identifier("k", quoted=True)]),
            offset=exp.to_identifier("o", quoted=True),
        )
        place = (
            exp.select(exp.Add(this=call("MIN", at), expression=number(1)))
            .from_(listed, copy=False)
            .where(compare(exp.EQ, key, token), copy=False)
        )
        return exp.Bracket(this=values, expressions=[place.subquery()], offset=1, safe=True)

    def has(self, array: exp.Expression, value: exp.Expression) -> exp.Expression:
        known = both(is_set(array), is_set(value))
        return when((known, call("IFNULL", paren(_in(copied(value), copied(array))), exp.false())))

    def rewrite(self, node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Filter):
            return filtered(node)
        if isinstance(node, exp.Window) and not isinstance(node.this, _RANKS):
            return nulls_as_a_key(node)
        if isinstance(node, exp.Not) and isinstance(node.parent, exp.Predicate):
            return paren(exp.Not(this=copied(node.this)))  # NOT binds more loosely than =
        if isinstance(node, exp.Identifier) and node.name.startswith("~"):
            return exp.to_identifier(_NOT_IN_NAMES.sub(lambda found: f"_{ord(found[0]):02x}", node.name), quoted=True)
        return node

    def real(self, value: exp.Expression) -> exp.Expression:
        return safe(value, "FLOAT64")

    # --- types

    def convert(self, value: exp.Expression, type_: Type) -> exp.Expression:
        if type_.kind is Kind.DECIMAL:
            exact = safe(value, numeric(type_))
            return exact if type_.precision is None else call("ROUND", exact, number(type_.scale or 0))
        if type_.kind is Kind.UUID:
            return call("LOWER", cast_as(value, "STRING"))
        return safe(value, ENGINE[type_.kind]) if type_.kind in ENGINE else value

    def stored(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return call("LOWER", value) if type_.kind is Kind.UUID else value

    def to_wire(self, value: exp.Expression, type_: Type) -> exp.Expression:
        cell = self.to_cell(value, type_)
        return cast_as(cell, "BYTES") if type_.kind in _JSON else cell

    def to_cell(self, value: exp.Expression, type_: Type) -> exp.Expression:
        if type_.kind in (Kind.BOOLEAN, Kind.INTEGER, Kind.FLOAT):
            return safe(value, ENGINE[type_.kind])
        return spelt(value, type_)

    def to_text(self, value: exp.Expression, type_: Type | None) -> exp.Expression:
        return cast_as(value, "STRING") if type_ is None else spelt(value, type_)

    # --- functions

    def like(self, value: exp.Expression, pattern: exp.Expression, ignore_case: bool) -> exp.Expression:
        sides = [call("LOWER", side) if ignore_case else side for side in (value, pattern)]
        return paren(exp.Like(this=sides[0], expression=sides[1]))

    def truncate(self, unit: str, value: exp.Expression) -> exp.Expression:
        return call("DATE_TRUNC", value, word(_UNITS.get(unit, unit.upper())))

    def total(self, value: exp.Expression) -> exp.Expression:
        """Plus a NUMERIC zero: whole numbers become NUMERIC, which they do not overflow; other types stay."""
        return aggregate("SUM", inside(value, lambda part: exp.Add(this=paren(part), expression=word("NUMERIC '0'"))))

    def average(self, value: exp.Expression) -> exp.Expression:
        return call("SAFE_DIVIDE", self.real(self.total(value)), self.real(aggregate("COUNT", copied(value))))

    def deviation(self, value: exp.Expression) -> exp.Expression:
        return aggregate("STDDEV_SAMP", inside(value, self.real))

    def percentile(self, value: exp.Expression, at: exp.Expression) -> exp.Expression:
        """Between the two values that the place falls between, of an array of all. BigQuery's own exact percentiles
        are no aggregates, and its aggregates are not exact."""
        real = self.real(value)
        order = exp.Order(
            this=exp.IgnoreNulls(this=real), expressions=[exp.Ordered(this=copied(real), nulls_first=True)]
        )
        last = paren(exp.Sub(this=aggregate("COUNT", copied(real)), expression=number(1)))
        place = paren(exp.Mul(this=at, expression=last))
        lower, upper = (_item(copied(order), call(side, copied(place))) for side in ("FLOOR", "CEIL"))
        share = paren(exp.Sub(this=place, expression=call("FLOOR", copied(place))))
        step = exp.Mul(this=paren(exp.Sub(this=upper, expression=copied(lower))), expression=share)
        return paren(exp.Add(this=lower, expression=step))

    def hmac(self, inner: exp.Expression, outer: exp.Expression, message: exp.Expression) -> exp.Expression:
        first = _sha256(call("TO_HEX", inner), call("TO_HEX", cast_as(cast_as(message, "STRING"), "BYTES")))
        return _sha256(call("TO_HEX", outer), first)

    def first_63_bits(self, hexadecimal: exp.Expression) -> exp.Expression:
        """From 15 digits and the upper three bits of the next: 16 digits may be more than an INT64 holds."""
        first, next_ = (
            cast_as(concat(text("0x"), call("SUBSTR", copied(hexadecimal), number(at), number(length))), "INT64")
            for at, length in ((1, 15), (16, 1))
        )
        upper = paren(exp.BitwiseLeftShift(this=first, expression=number(3)))
        return paren(
            exp.BitwiseOr(this=upper, expression=paren(exp.BitwiseRightShift(this=next_, expression=number(1))))
        )

    def regex_replace(
        self, value: exp.Expression, pattern: exp.Expression, replacement: exp.Expression
    ) -> exp.Expression:
        return call("REGEXP_REPLACE", value, concat(text("(?s)"), pattern), replacement)

    def floor_to(self, value: exp.Expression, width: exp.Expression, real: bool) -> exp.Expression:
        if real:
            steps = call("FLOOR", call("SAFE_DIVIDE", self.real(value), width))
            return call("SAFE_MULTIPLY", copied(width), steps)
        rest = call("MOD", value, width)
        above = call("MOD", exp.Add(this=rest, expression=copied(width)), copied(width))
        return call("SAFE_SUBTRACT", copied(value), above)

    def round_to(self, value: exp.Expression, digits: exp.Expression) -> exp.Expression:
        """Through the shortest decimal text, so that 1.005 rounds to 1.01 as it reads, in every engine alike."""
        exact = safe(cast_as(value, "STRING"), "BIGNUMERIC")
        return call("COALESCE", call("ROUND", exact, digits), copied(value))

    def split_part(self, value: exp.Expression, mark: exp.Expression, at: exp.Expression) -> exp.Expression:
        whole = when((compare(exp.EQ, copied(at), number(1)), copied(value)), otherwise=text(""))
        part = exp.Bracket(this=call("SPLIT", copied(value), copied(mark)), expressions=[at], offset=1, safe=True)
        return when(
            (is_null(value), exp.Null()),
            (compare(exp.EQ, mark, text("")), whole),
            otherwise=call("IFNULL", part, text("")),
        )

    def small(self, count: exp.Expression) -> exp.Expression:
        return count if isinstance(count, exp.Literal) else call("GREATEST", count, number(0))


def _item(order: exp.Expression, at: exp.Expression) -> exp.Expression:
    """The item at a place, from 0, of an array of a group's values in their order."""
    place = exp.Add(this=cast_as(at, "INT64"), expression=number(1))
    return exp.Bracket(this=aggregate("ARRAY_AGG", order), expressions=[place], offset=1, safe=True)


def _parameter(at: int) -> exp.Expression:
    return exp.Parameter(this=word(f"p{at}"))


def _read(given: exp.Expression, type_: Type) -> exp.Expression:
    """A parameter in its slot's type. Bytes, JSON and intervals are given as text."""
    match type_.kind:
        case Kind.BYTES:
            return call("FROM_BASE64", given)
        case Kind.INTERVAL:
            return safe(given, "INTERVAL")
        case Kind.JSON | Kind.ARRAY | Kind.STRUCT:
            return call("PARSE_JSON", given)
        case _:
            return given


def _in(value: exp.Expression, array: exp.Expression) -> exp.Expression:
    return exp.In(this=value, unnest=exp.Unnest(expressions=[array]))


def _sha256(pad: exp.Expression, message: exp.Expression) -> exp.Expression:
    """Over two hexadecimal texts, to one."""
    return call("TO_HEX", call("SHA256", call("FROM_HEX", concat(pad, message))))

"""What gives a value: names, literals, CASE, text functions, arithmetic, casts. Part of `policies.predicate_read`."""

from __future__ import annotations

from sqlglot import exp

from policies.fault import Fault
from policies.predicate_read import BINARY, Reader, name_parts, reads
from policies.predicate_types import (
    Term,
    absolute,
    adapt,
    alike,
    arithmetic,
    fits,
    negative,
    number,
    parens,
    truth,
    typed,
    unify,
)
from schema.sqltype import data_type
from schema.types import BIGINT, DECIMAL, FLOAT, INTEGER, STRING, TEMPORAL, Kind, Type

_UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")


@reads(exp.Column, "this", "table", "db", "catalog")
def _column(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    parts = name_parts(node)
    claim = reader.scope.list_claim(parts)
    if claim is not None:
        raise Fault("CH410", f"claims.{claim.name} is a list.", f"Write: value IN claims.{claim.name}")
    return reader.scope.name(parts, reader)


@reads(exp.Literal, "this", "is_string")
def _literal(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    text = str(node.this)
    if node.args.get("is_string"):
        if "\x00" in text:
            raise Fault("CH407", "A text may not hold a NUL character.")
        return Term(exp.Literal.string(text), STRING, text=text)
    return number(f"0{text}" if text.startswith(".") else text)


@reads(exp.Boolean, "this")
def _boolean(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    return truth(exp.Boolean(this=bool(node.this)))


@reads(exp.Null)
def _null(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    return Term(exp.Null(), None)


@reads(exp.Paren, "this")
def _paren(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    return reader.value(node.this, positive)


@reads(exp.Case, "this", "ifs", "default")
def _case(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    subject = node.this
    tests: list[exp.Expression] = []
    branches: list[Term] = []
    for branch in node.args["ifs"]:
        test = exp.EQ(this=subject, expression=branch.this) if subject is not None else branch.this
        tests.append(reader.condition(test).sql)
        branches.append(reader.value(branch.args["true"]))
    default = node.args.get("default")
    branches.append(reader.value(default) if default is not None else Term(exp.Null(), None))
    terms, type_, range_ = unify(branches)
    ifs = [exp.If(this=test, true=term.sql) for test, term in zip(tests, terms[:-1], strict=True)]
    return Term(exp.Case(ifs=ifs, default=terms[-1].sql), type_, range_)


@reads(exp.Coalesce, "this", "expressions")
def _coalesce(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    terms, type_, range_ = unify(reader.value(item) for item in [node.this, *node.expressions])
    for term in terms:
        if isinstance(term.sql, exp.Placeholder) and term.sql.name.startswith("claim:"):
            claim = f"claims.{term.sql.name.removeprefix('claim:')}"
            reader.found.warnings.append(f"COALESCE cannot rescue {claim}: without it all is UNKNOWN.")
    return Term(exp.Coalesce(this=terms[0].sql, expressions=[term.sql for term in terms[1:]]), type_, range_)


@reads(exp.Nullif, *BINARY)
def _nullif(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    left, right = alike(reader.value(node.this), reader.value(node.args["expression"]))
    return Term(exp.Nullif(this=left.sql, expression=right.sql), left.type, left.range)


@reads(exp.Add, *BINARY)
@reads(exp.Sub, *BINARY)
@reads(exp.Mul, *BINARY)
def _arithmetic(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    left, right = reader.value(node.this), reader.value(node.args["expression"])
    kind = exp.Add if type(node) is exp.Add else exp.Sub if type(node) is exp.Sub else exp.Mul
    return arithmetic(kind, left, right)


@reads(exp.Neg, "this")
def _negative(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    return negative(reader.value(node.this))


@reads(exp.Abs, "this")
def _absolute(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    return absolute(reader.value(node.this))


@reads(exp.Lower, "this")
def _lower(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    return typed(exp.Lower(this=reader.text(node.this, "LOWER")), STRING)


@reads(exp.Upper, "this")
def _upper(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    return typed(exp.Upper(this=reader.text(node.this, "UPPER")), STRING)


@reads(exp.Trim, "this")
def _trim(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    return typed(exp.Trim(this=reader.text(node.this, "TRIM")), STRING)


@reads(exp.Length, "this")
def _length(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    sql = exp.Anonymous(this="CH_LENGTH", expressions=[reader.text(node.this, "LENGTH")])
    return Term(sql, INTEGER, (0, 2**31 - 1))


@reads(exp.Left, *BINARY)
@reads(exp.Right, *BINARY)
def _ends(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    name = "CH_LEFT" if type(node) is exp.Left else "CH_RIGHT"
    count = reader.literal_count(node.args["expression"], "The number of characters", 0)
    return typed(exp.Anonymous(this=name, expressions=[reader.text(node.this, name[3:]), count]), STRING)


@reads(exp.Substring, "this", "start", "length")
def _substring(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    args = {"start": reader.literal_count(node.args.get("start"), "The start of SUBSTRING", 1)}
    if node.args.get("length") is not None:
        args["length"] = reader.literal_count(node.args["length"], "The length of SUBSTRING", 0)
    return typed(exp.Substring(this=reader.text(node.this, "SUBSTRING"), **args), STRING)


@reads(exp.SplitPart, "this", "delimiter", "part_index")
def _split_part(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    separator = reader.literal_text(node.args["delimiter"], "The separator of SPLIT_PART")
    if not separator:
        raise Fault("CH407", "The separator of SPLIT_PART may not be empty.")
    index = reader.literal_count(node.args["part_index"], "The part of SPLIT_PART", 1)
    text = reader.text(node.this, "SPLIT_PART")
    return typed(exp.Anonymous(this="CH_SPLIT_PART", expressions=[text, exp.Literal.string(separator), index]), STRING)


@reads(exp.DPipe, *BINARY, "safe")
def _join(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    left, right = reader.text(node.this, "||"), reader.text(node.args["expression"], "||")
    return typed(exp.DPipe(this=parens(left), expression=parens(right)), STRING)


@reads(exp.TimestampTrunc, "this", "unit")
def _truncate(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    unit = str(node.args["unit"].this).lower()
    value = reader.value(node.this)
    if unit not in _UNITS:
        raise Fault("CH407", f"DATE_TRUNC knows {', '.join(_UNITS)}, not '{unit}'.")
    if value.type is None or value.type.kind not in TEMPORAL:
        raise Fault("CH410", f"DATE_TRUNC needs a date or a time, but {value.said} is none.")
    return typed(exp.Anonymous(this="CH_TRUNCATE", expressions=[exp.Literal.string(unit), value.sql]), value.type)


_CASTS: dict[object, Type] = {
    exp.DataType.Type.TEXT: STRING,
    exp.DataType.Type.VARCHAR: STRING,
    exp.DataType.Type.BIGINT: BIGINT,
    exp.DataType.Type.DOUBLE: FLOAT,
    exp.DataType.Type.DECIMAL: DECIMAL,
    exp.DataType.Type.DATE: Type(Kind.DATE),
    exp.DataType.Type.TIME: Type(Kind.TIME),
    exp.DataType.Type.TIMESTAMP: Type(Kind.DATETIME),
    exp.DataType.Type.TIMESTAMPTZ: Type(Kind.TIMESTAMP),
    exp.DataType.Type.UUID: Type(Kind.UUID),
}
_READABLE = frozenset({Kind.STRING, Kind.INTEGER, Kind.BIGINT, Kind.UUID, Kind.DATE, Kind.BOOLEAN})


@reads(exp.Cast, "this", "to")
def _cast(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    """Casts that cannot fail: of a literal, to text, or to a wider number."""
    target = _cast_target(node.args["to"])
    value = reader.value(node.this)
    if target is None:
        said = node.args["to"].sql(dialect="postgres")
        raise Fault(
            "CH407", f"A cast to {said} may not be used here.", "Allowed: text, bigint, decimal(p,s), double precision."
        )
    if value.text is not None and target.kind is not Kind.STRING:
        adapted = adapt(value, target)
        if adapted.text is None:
            return adapted
    if target.kind is Kind.STRING and value.type is not None and value.type.kind in _READABLE:
        if value.type.kind is Kind.STRING:
            return value
        sql = exp.Anonymous(this="CH_TEXT", expressions=[value.sql, exp.Literal.string(str(value.type))])
        return typed(sql, STRING)
    if target.kind is Kind.STRING or value.type is None or not fits(value, target):
        raise Fault(
            "CH408", f"A cast of {value.said} to {target} can fail or lose digits.", "Compare in the column's own type."
        )
    return Term(exp.Cast(this=value.sql, to=data_type(target)), target, value.range)


def _cast_target(to: exp.Expression) -> Type | None:
    target = _CASTS.get(to.this)
    if target is None or target.kind is not Kind.DECIMAL:
        return None if to.expressions and (target is None or target.kind is not Kind.STRING) else target
    digits = [str(parameter.name) for parameter in to.expressions]
    if not 1 <= len(digits) <= 2 or not all(d.isdigit() and len(d) <= 2 for d in digits):
        return None
    return Type(Kind.DECIMAL, precision=int(digits[0]), scale=int(digits[1]) if len(digits) == 2 else 0)


@reads(exp.Count, "this", "big_int")
@reads(exp.Sum, "this")
@reads(exp.Avg, "this")
@reads(exp.Min, "this")
@reads(exp.Max, "this")
def _aggregate(reader: Reader, node: exp.Expression, positive: bool) -> Term:
    term = reader.scope.aggregate(node, reader)
    if term is None:
        raise Fault("CH407", f"{node.key.upper()} may not be used here.", "Aggregates may only stand in views.")
    return term

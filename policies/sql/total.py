"""Total: which expressions can be proven to give a value, or NULL, for every row, whatever stands in it.

An expression that raises for some rows tells of rows that the row filter hides, because an engine may evaluate it
first. What is on this list never raises in any engine that we speak to; what is not is guarded (`policies.sql.guards`).
A comparison is total between values of one family only: where an engine would convert a column first, that may raise.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlglot import exp

from schema.sql.forms import LISTED

_T = exp.DType
_FAMILIES: Final = {
    "text": (_T.TEXT, _T.VARCHAR, _T.CHAR, _T.NCHAR, _T.NVARCHAR),
    "number": (_T.TINYINT, _T.SMALLINT, _T.INT, _T.BIGINT, _T.DECIMAL, _T.FLOAT, _T.DOUBLE),
    "date": (_T.DATE,),
    "datetime": (_T.TIMESTAMP, _T.DATETIME, _T.TIMESTAMPNTZ),
    "timestamp": (_T.TIMESTAMPTZ, _T.TIMESTAMPLTZ),
    "boolean": (_T.BOOLEAN,),
    "uuid": (_T.UUID,),
}
_FAMILY: Final = {kind: family for family, kinds in _FAMILIES.items() for kind in kinds}
_TEMPORAL: Final = frozenset({"date", "datetime", "timestamp"})
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_PREDICATES = (*_COMPARISONS, exp.Is, exp.In, exp.Between, exp.Like, exp.ILike, exp.Exists, exp.And, exp.Or, exp.Not)
_LEAVES = (exp.Column, exp.Literal, exp.Null, exp.Boolean, exp.Placeholder, exp.Star)
_NOW = (exp.CurrentDate, exp.CurrentTimestamp, exp.Localtimestamp)
_ON_TEXT = (exp.Lower, exp.Upper, exp.Trim, exp.Length)
_ALIKE = (exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif)
_TRUNCATIONS = (exp.DateTrunc, exp.TimestampTrunc, exp.DatetimeTrunc)
_WIDER: Final = {
    _T.TINYINT: 1,
    _T.SMALLINT: 2,
    _T.INT: 3,
    _T.BIGINT: 4,
    _T.DOUBLE: 5,
}
_INTEGER = re.compile(r"-?\d{1,9}")
_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,9})?")
_UNIT = re.compile(r"[A-Za-z]{3,12}")


def is_total(node: exp.Expr) -> bool:
    """Whether an expression cannot raise."""
    if isinstance(node, _LEAVES + _NOW):
        return True
    if isinstance(node, exp.Paren | exp.Alias):
        return is_total(node.this)
    if isinstance(node, exp.And | exp.Or):
        return all(_is_condition(side) and is_total(side) for side in (node.left, node.right))
    if isinstance(node, exp.Not):
        return _is_condition(node.this) and is_total(node.this)
    if isinstance(node, _COMPARISONS):
        return _comparable(node.left, node.right)
    if isinstance(node, exp.Is):
        return is_total(node.this) and (isinstance(node.expression, exp.Null) or _is_condition(node.this))
    if isinstance(node, exp.Between):
        return _comparable(node.this, node.args["low"]) and _comparable(node.this, node.args["high"])
    if isinstance(node, exp.In):
        return _is_total_in(node)
    return _is_total_more(node)


def _is_total_more(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous):
        return node.name == LISTED and is_total(node.expressions[0])
    if isinstance(node, exp.Exists):
        return True
    if isinstance(node, exp.Array | exp.Tuple):
        return all(isinstance(item, exp.Literal) for item in node.expressions)
    if isinstance(node, exp.Subquery):
        return _gives_one_row(node)
    if isinstance(node, exp.Like | exp.ILike):
        return _family(node.this) == "text" and is_total(node.this) and _is_pattern(node.expression)
    if isinstance(node, exp.Case):
        return _is_total_case(node)
    if isinstance(node, _ON_TEXT):
        return _family(node.this) == "text" and is_total(node.this) and len(_given(node)) == 1
    if isinstance(node, _ALIKE):
        return _alike([node.this, *(node.expressions or [node.expression])])
    if isinstance(node, _TRUNCATIONS):
        unit = node.args.get("unit")
        named = isinstance(unit, exp.Literal | exp.Var) and _UNIT.fullmatch(unit.name) is not None
        return named and _family(node.this) in _TEMPORAL and is_total(node.this) and node.args.get("zone") is None
    if isinstance(node, exp.Extract):
        return _family(node.expression) in _TEMPORAL and is_total(node.expression)
    if isinstance(node, exp.Cast):
        return _is_total_cast(node)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul | exp.Div | exp.Neg) and _is_small_sum(node):
        return True
    if isinstance(node, exp.Add | exp.Sub):
        return _is_moment_near_now(node)
    return False


def _given(node: exp.Expr) -> list[exp.Expr]:
    return [value for value in node.args.values() if isinstance(value, exp.Expr)]


def _family(node: exp.Expr) -> str | None:
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Literal):
        return "text" if node.is_string else "number"
    found = node.type
    return _FAMILY.get(found.this) if isinstance(found, exp.DataType) else None


def _is_condition(node: exp.Expr) -> bool:
    while isinstance(node, exp.Paren):
        node = node.this
    listed = isinstance(node, exp.Anonymous) and node.name == LISTED
    return listed or isinstance(node, (*_PREDICATES, exp.Boolean, exp.Null)) or _family(node) == "boolean"


def _comparable(one: exp.Expr, other: exp.Expr) -> bool:
    if not is_total(one) or not is_total(other):
        return False
    for constant, value in ((one, other), (other, one)):
        if isinstance(constant, exp.Placeholder | exp.Null):
            return True
        if isinstance(constant, exp.Literal) and constant.is_string and _family(value) != "text":
            return _reads(constant.name, _family(value))
    return _family(one) is not None and _family(one) == _family(other)


def _reads(text: str, family: str | None) -> bool:
    """Whether a text is surely a value of a family, in every engine alike."""
    try:
        if family == "number":
            return _NUMBER.fullmatch(text) is not None
        if family == "date":
            return date.fromisoformat(text).isoformat() == text
        if family in _TEMPORAL:
            return datetime.fromisoformat(text) is not None and len(text) >= len("2013-01-01") and text[4] == "-"
        return family == "uuid" and str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _is_total_in(node: exp.In) -> bool:
    query = node.args.get("query")
    if query is None:
        return all(_comparable(node.this, item) for item in node.expressions)
    select = query.this if isinstance(query, exp.Subquery) else query
    if not isinstance(select, exp.Select) or len(select.expressions) != 1:
        return False
    family = _family(select.expressions[0].unalias())
    return is_total(node.this) and family is not None and family == _family(node.this)


def _gives_one_row(node: exp.Subquery) -> bool:
    """A scalar sub-select that cannot have two rows, for which engines raise."""
    select = node.this
    if not isinstance(select, exp.Select):
        return False
    limit = select.args.get("limit")
    if isinstance(limit, exp.Limit) and limit.expression.name == "1":
        return True
    grouped = any(select.args.get(part) for part in ("group", "having", "qualify"))
    item = select.expressions[0].unalias() if len(select.expressions) == 1 else None
    return not grouped and isinstance(item, exp.AggFunc)


def _is_pattern(node: exp.Expr) -> bool:
    """A pattern that no engine refuses: a text that does not end inside an escape."""
    if not isinstance(node, exp.Literal) or not node.is_string:
        return False
    return (len(node.name) - len(node.name.rstrip("\\"))) % 2 == 0


def _alike(values: list[exp.Expr]) -> bool:
    families = {_family(value) for value in values if not isinstance(value, exp.Null)}
    return len(families) == 1 and None not in families and all(is_total(value) for value in values)


def _is_total_case(node: exp.Case) -> bool:
    values = [branch.args["true"] for branch in node.args["ifs"]]
    default = node.args.get("default")
    values += [default] if default is not None else []
    if not _alike(values):
        return False
    tests = [branch.this for branch in node.args["ifs"]]
    if node.this is not None:
        return all(_comparable(node.this, test) for test in tests)
    return all(_is_condition(test) and is_total(test) for test in tests)


def _is_total_cast(node: exp.Cast) -> bool:
    value, to = node.this, node.to
    while isinstance(value, exp.Paren):
        value = value.this
    if to.expressions or not is_total(value):
        return False
    wanted = _FAMILY.get(to.this)
    if isinstance(value, exp.Literal):
        text = value.is_string
        if wanted == "number":
            whole = to.this in (_T.INT, _T.BIGINT)
            return (_INTEGER if whole else _NUMBER).fullmatch(value.name) is not None
        return wanted == "text" or (text and _reads(value.name, wanted))
    kind = value.type.this if isinstance(value.type, exp.DataType) else _T.UNKNOWN
    family = _FAMILY.get(kind)
    if wanted == "text":
        return family is not None
    if kind in _WIDER and to.this in _WIDER:
        return _WIDER[kind] <= _WIDER[to.this]
    return to.this is _T.DATE and family is not None and family in _TEMPORAL


def _is_small_sum(node: exp.Expr) -> bool:
    """A few small numbers, reckoned: ``24 * 60``, ``100.0 / 3``."""
    nodes = list(node.walk())
    if len(nodes) > 10 or not all(isinstance(part, exp.Binary | exp.Neg | exp.Paren | exp.Literal) for part in nodes):
        return False
    small = all(
        not part.is_string and _NUMBER.fullmatch(part.name) and len(part.name) <= 6
        for part in nodes
        if isinstance(part, exp.Literal)
    )
    sums = all(
        isinstance(part, exp.Add | exp.Sub | exp.Mul | exp.Div) for part in nodes if isinstance(part, exp.Binary)
    )
    divisors = [part.expression for part in nodes if isinstance(part, exp.Div)]
    whole = all(isinstance(one, exp.Literal) and float(one.name) != 0 for one in divisors)
    return small and sums and whole


def _is_moment_near_now(node: exp.Add | exp.Sub) -> bool:
    """``CURRENT_DATE - INTERVAL '30 days'``: constant, and far from where calendars end."""
    interval = node.expression
    if isinstance(interval, exp.Literal) and not interval.is_string:
        return isinstance(node.this, exp.CurrentDate) and _INTEGER.fullmatch(interval.name) is not None
    amount = interval.this if isinstance(interval, exp.Interval) else None
    if not isinstance(amount, exp.Literal) or re.fullmatch(r"-?\d{1,5}", amount.name) is None:
        return False
    moment = node.this
    while isinstance(moment, (exp.Paren, *_TRUNCATIONS)):
        moment = moment.this
    if isinstance(moment, exp.Cast):
        return isinstance(moment.this, (exp.Literal, *_NOW)) and is_total(moment)
    return isinstance(moment, _NOW)

"""Series: how many rows a series of constants has, told before anything runs.

A series whose bounds are not constants, or that has too many rows, is not offered: an engine would make it whole.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlglot import exp

MOST = 1_000_000
_SECONDS = {
    "SECOND": 1,
    "MINUTE": 60,
    "HOUR": 3_600,
    "DAY": 86_400,
    "WEEK": 604_800,
    "MONTH": 28 * 86_400,
    "QUARTER": 89 * 86_400,
    "YEAR": 365 * 86_400,
}
"""The least that each unit lasts."""


def is_bounded(node: exp.Expr) -> bool:
    """Whether a series node has constant bounds and at most `MOST` rows."""
    rows = length(node)
    return rows is not None and rows <= MOST


def length(node: exp.Expr) -> int | None:
    """How many rows a series node has at most; None where that cannot be told from constants."""
    start, end, step = node.args.get("start"), node.args.get("end"), node.args.get("step") or node.args.get("interval")
    first, last = _value(start), _value(end)
    if isinstance(first, int) and isinstance(last, int):
        by = 1 if step is None else _value(step)
        return abs(last - first) // abs(by) + 1 if isinstance(by, int) and by != 0 else None
    if isinstance(first, datetime) and isinstance(last, datetime):
        seconds = _seconds(step)
        return None if seconds is None else int(abs((last - first) / timedelta(seconds=seconds))) + 1
    return None


def _value(node: exp.Expr | None) -> int | datetime | None:
    if isinstance(node, exp.Paren):
        return _value(node.this)
    if isinstance(node, exp.Neg):
        inner = _value(node.this)
        return -inner if isinstance(inner, int) else None
    if isinstance(node, exp.Literal) and not node.is_string:
        return int(node.name) if node.name.isdigit() and len(node.name) <= 18 else None
    if isinstance(node, exp.Cast | exp.Date | exp.Timestamp | exp.TsOrDsToDate):
        return _moment(node.this)
    return _moment(node)


def _moment(node: exp.Expr | None) -> datetime | None:
    if not isinstance(node, exp.Literal) or not node.is_string:
        return None
    try:
        return datetime.fromisoformat(node.name).replace(tzinfo=None)
    except ValueError:
        return None


def _seconds(step: exp.Expr | None) -> float | None:
    """How long a step lasts at least; a day where none is given, as of dates."""
    if step is None:
        return _SECONDS["DAY"]
    if isinstance(step, exp.Cast):
        step = exp.Interval(this=step.this)
    if not isinstance(step, exp.Interval) or not isinstance(step.this, exp.Literal):
        return None
    number, _, said = step.this.name.partition(" ")
    unit = (step.text("unit") or said).upper().removesuffix("S")
    if not number.lstrip("-").isdigit() or len(number) > 6 or int(number) == 0 or unit not in _SECONDS:
        return None
    return abs(int(number)) * _SECONDS[unit]

"""``mask: {date: month}``: the start of the year, quarter, month, week (Monday) or day, in UTC for timestamps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlglot import exp

from policies.masks.registry import MaskFault, Wanted, mask
from policies.masks.terms import call, text
from policies.rules import Preserved
from schema.types import TEMPORAL, Kind, Type

_UNITS = ("year", "quarter", "month", "week", "day")


@dataclass(frozen=True, slots=True)
class Date:
    unit: str
    kind: str = "date"
    preserves: frozenset[Preserved] = frozenset({"order"})

    @property
    def spec(self) -> str:
        return f"the start of its {self.unit}"

    def sql(self, value: exp.Expression, type_: Type) -> exp.Expression:
        return call("CH_TRUNCATE", text(self.unit), value)

    def row(self, value: object, type_: Type, keys: Mapping[str, bytes]) -> object:
        return truncated(self.unit, value, type_)


def truncated(unit: str, value: object, type_: Type) -> date | datetime | None:
    """The start of the unit, for any unit of ``CH_TRUNCATE``; None for what is no such date or time."""
    if type_.kind is Kind.DATE:
        plain = isinstance(value, date) and not isinstance(value, datetime)
        return _start(unit, value) if plain and isinstance(value, date) else None
    if not isinstance(value, datetime):
        return None
    if type_.kind is Kind.TIMESTAMP:
        try:
            value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        except OverflowError:
            return None
    match unit:
        case "second":
            return value.replace(microsecond=0)
        case "minute":
            return value.replace(second=0, microsecond=0)
        case "hour":
            return value.replace(minute=0, second=0, microsecond=0)
        case _:
            start = _start(unit, value.date())
            return datetime(start.year, start.month, start.day, tzinfo=value.tzinfo)


def _start(unit: str, day: date) -> date:
    match unit:
        case "year":
            return day.replace(month=1, day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case "month":
            return day.replace(day=1)
        case "week":
            return day - timedelta(days=day.weekday())
        case _:
            return day


@mask("date")
def parse(wanted: Wanted) -> Date:
    wanted.only_for(TEMPORAL, "This mask is for date, datetime and timestamp.")
    wanted.keeps_nulls("no date stands for an unknown one")
    unit = wanted.arguments
    if not isinstance(unit, str) or unit not in _UNITS:
        raise MaskFault("CH442", f"The mask 'date' knows {', '.join(_UNITS)}, not {unit!r}.", "mask: {date: month}")
    if unit == "day" and wanted.type.kind is Kind.DATE:
        raise MaskFault("CH442", "The day of a date hides nothing.", "Choose week, month, quarter or year.")
    return Date(unit)

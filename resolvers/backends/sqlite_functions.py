"""The logical functions in Python, for SQLite: registered on every connection, deterministic, NULL for NULL.

None raises on any stored value: what cannot be read as its type is NULL, so that an error never tells of a row.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import sqlite3
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from functools import lru_cache

import orjson

from schema.types import Kind, Type, parse_type

Value = str | int | float | bytes | None
_INT64 = range(-(2**63), 2**63)
_type = lru_cache(512)(parse_type)


def register(connection: sqlite3.Connection) -> None:
    """Make the functions and aggregates known to a connection."""
    for name, (count, function) in _FUNCTIONS.items():
        connection.create_function(name, count, _total(function), deterministic=True)
    for name, count, aggregate in _AGGREGATES:
        # typeshed knows aggregates of integers only
        connection.create_window_function(name, count, aggregate)  # type: ignore[arg-type]


def _total(function: Callable[..., Value]) -> Callable[..., Value]:
    def answer(*args: Value) -> Value:
        if None in args:
            return None
        try:
            return function(*args)
        except (ValueError, TypeError, ArithmeticError, InvalidOperation, re.error):
            return None

    return answer


def _exact(value: Value) -> Decimal:
    return Decimal(repr(value) if isinstance(value, float) else str(value).strip())


def _back(value: Decimal, like: Value = None) -> str | int | float:
    """A decimal as SQLite holds numbers: an integer, a real, or text where 64 bits are not enough."""
    if isinstance(like, float):
        return float(value)
    if value == value.to_integral_value():
        whole = int(value)
        return whole if whole in _INT64 else str(whole)
    return float(value)


def number(value: Value) -> Value:
    return value if isinstance(value, int | float) else _back(_exact(value))


def boolean(value: Value) -> Value:
    if isinstance(value, int | float):
        return int(value != 0)
    return {"true": 1, "t": 1, "1": 1, "yes": 1, "false": 0, "f": 0, "0": 0, "no": 0}.get(str(value).strip().lower())


def moment(value: Value, kind: Value) -> Value:
    """Any usual spelling of a date, time or instant as the one that sorts."""
    if kind == "time":
        return time.fromisoformat(str(value)).replace(tzinfo=None).isoformat()
    found = _moment(value)
    return found.date().isoformat() if kind == "date" else found.isoformat(sep=" ")


def _moment(value: Value) -> datetime:
    if isinstance(value, int | float):
        return datetime(1970, 1, 1) + timedelta(seconds=value)
    found = datetime.fromisoformat(str(value))
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo is not None else found


def truncate(unit: Value, value: Value) -> Value:
    """The start of the unit, in the spelling that the value came in: a date stays a date."""
    found = _moment(value)
    day = datetime(found.year, found.month, found.day)
    starts = {
        "second": found.replace(microsecond=0),
        "minute": found.replace(second=0, microsecond=0),
        "hour": found.replace(minute=0, second=0, microsecond=0),
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "quarter": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
        "year": day.replace(month=1, day=1),
    }
    start = starts[str(unit)]
    return start.date().isoformat() if isinstance(value, str) and len(value) == 10 else start.isoformat(sep=" ")


def as_uuid(value: Value) -> Value:
    return str(uuid.UUID(bytes=value) if isinstance(value, bytes) else uuid.UUID(str(value)))


def wire(value: Value, type_: Value) -> Value:
    """The wire form as text: JSON text for what is not a string on the wire."""
    found = _wire(value, _type(str(type_)))
    if found is None or isinstance(found, str):
        return found if _type(str(type_)).kind is not Kind.JSON else orjson.dumps(found).decode()
    return orjson.dumps(found).decode()


def _wire(value: object, type_: Type) -> object:
    if value is None:
        return None
    match type_.kind:
        case Kind.ARRAY | Kind.STRUCT | Kind.JSON:
            return _nested(_parsed(value), type_)
        case Kind.BOOLEAN:
            truth = boolean(value) if isinstance(value, str | int | float) else None
            return None if truth is None else bool(truth)
        case Kind.FLOAT:
            real = float(str(value))
            return real if math.isfinite(real) else None
        case Kind.INTEGER:
            return int(_exact(str(value)))
        case Kind.BIGINT:
            return str(int(_exact(str(value))))
        case Kind.DECIMAL:
            return _decimal(value if isinstance(value, float) else str(value), type_)
        case Kind.BYTES:
            return base64.b64encode(value if isinstance(value, bytes) else str(value).encode()).decode()
        case _:
            return _spelt(value, type_)


def _spelt(value: object, type_: Type) -> str:
    plain = value if isinstance(value, int | float) else str(value)
    match type_.kind:
        case Kind.DATE:
            return _moment(plain).date().isoformat()
        case Kind.TIME:
            return time.fromisoformat(str(value)).replace(tzinfo=None).isoformat()
        case Kind.DATETIME | Kind.TIMESTAMP:
            return _moment(plain).isoformat() + ("Z" if type_.kind is Kind.TIMESTAMP else "")
        case Kind.UUID:
            return str(as_uuid(value if isinstance(value, bytes) else str(value)))
        case _:
            return str(value)


def _parsed(value: object) -> object:
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _nested(value: object, type_: Type) -> object:
    if type_.kind is Kind.ARRAY and type_.item is not None:
        return [_inner(part, type_.item) for part in value] if isinstance(value, list) else None
    if type_.kind is Kind.STRUCT:
        return (
            {name: _inner(value.get(name), field) for name, field in type_.fields} if isinstance(value, dict) else None
        )
    return value


def _inner(value: object, type_: Type) -> object:
    nested = type_.kind in (Kind.ARRAY, Kind.STRUCT, Kind.JSON)
    return _nested(value, type_) if nested else _wire(value, type_)


def _decimal(value: Value, type_: Type) -> str | None:
    exact = _exact(value)
    if not exact.is_finite():
        return None
    if type_.precision is not None:
        exact = _rounded(exact, type_.scale or 0)
    return format(exact, "f")


def _rounded(value: Decimal, digits: int) -> Decimal:
    with localcontext() as context:
        context.prec = 400
        return value.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)


def round_to(value: Value, digits: Value) -> Value:
    return _back(_rounded(_exact(value), int(str(digits))), value)


def floor_to(value: Value, width: Value) -> Value:
    if isinstance(value, float) and isinstance(width, float):
        return width * math.floor(value / width)
    step = _exact(width)
    return _back(step * (_exact(value) / step).to_integral_value("ROUND_FLOOR"), value)


@lru_cache(1024)
def _like(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = re.findall(r"\\.|[%_]|[^%_\\]+", lower(pattern) if ignore_case else pattern, re.DOTALL)
    words = {"%": ".*", "_": "."}
    return re.compile("".join(words.get(part) or re.escape(part.removeprefix("\\")) for part in parts), re.DOTALL)


def like(value: Value, pattern: Value) -> Value:
    return int(_like(str(pattern), False).fullmatch(str(value)) is not None)


def ilike(value: Value, pattern: Value) -> Value:
    return int(_like(str(pattern), True).fullmatch(lower(value)) is not None)


def lower(value: Value) -> str:
    """Letter by letter, as other engines do: a letter that becomes two stays."""
    return "".join(new if len(new := char.lower()) == 1 else char for char in str(value))


def upper(value: Value) -> str:
    return "".join(new if len(new := char.upper()) == 1 else char for char in str(value))


@lru_cache(1024)
def _expression(pattern: str) -> re.Pattern[str]:
    from resolvers.backends.regex import portable

    return re.compile(portable(pattern, end=r"\Z"), re.DOTALL | re.ASCII)


def regex_replace(value: Value, pattern: Value, replacement: Value) -> Value:
    def replaced(match: re.Match[str]) -> str:
        return re.sub(
            r"\\(.)", lambda ref: (match[int(ref[1])] or "") if ref[1].isdigit() else ref[1], str(replacement)
        )

    return _expression(str(pattern)).sub(replaced, str(value))


def split_part(value: Value, mark: Value, at: Value) -> Value:
    parts = str(value).split(str(mark)) if mark else [str(value)]
    index = int(str(at)) - 1
    return parts[index] if 0 <= index < len(parts) else ""


def hmac(inner: Value, outer: Value, message: Value) -> Value:
    if not isinstance(inner, bytes) or not isinstance(outer, bytes):
        return None
    return hashlib.sha256(outer + hashlib.sha256(inner + str(message).encode()).digest()).hexdigest()


def has(array: Value, value: Value) -> Value:
    found = _parsed(array)
    return int(value in found) if isinstance(found, list) else None


_FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {
    "ch_number": (1, number),
    "ch_boolean": (1, boolean),
    "ch_moment": (2, moment),
    "ch_truncate": (2, truncate),
    "ch_uuid": (1, as_uuid),
    "ch_wire": (2, wire),
    "ch_round_to": (2, round_to),
    "ch_floor_to": (2, floor_to),
    "lower": (1, lower),
    "upper": (1, upper),
    "ch_like": (2, like),
    "ch_ilike": (2, ilike),
    "ch_regex_replace": (3, regex_replace),
    "ch_split_part": (3, split_part),
    "ch_hmac": (3, hmac),
    "ch_63_bits": (1, lambda value: int(str(value)[:16], 16) >> 1),
    "ch_has": (2, has),
    "ch_left": (2, lambda value, count: str(value)[: max(0, int(count))]),
    "ch_right": (2, lambda value, count: str(value)[-int(count) :] if int(count) > 0 else ""),
    "ch_length": (1, lambda value: len(str(value))),
    "ch_repeat": (2, lambda value, count: str(value) * max(0, int(count))),
}


class _Numbers:
    """The numbers of an aggregate or window: what is not a number does not count.

    SQLite keeps decimals as binary reals, so a real counts as its shortest decimal text, which is what was written: a
    sum of cents is exact. ``reals`` is how many of them there were; ``odd`` are infinities.
    """

    def __init__(self) -> None:
        self.exact = Decimal(0)
        self.odd: list[float] = []
        self.reals = self.count = 0

    def step(self, value: Value, /) -> None:
        self._change(value, 1)

    def inverse(self, value: Value, /) -> None:
        self._change(value, -1)

    def _change(self, value: Value, sign: int) -> None:
        if value is None:
            return
        if isinstance(value, float) and not math.isfinite(value):
            self.odd.append(value) if sign > 0 else self.odd.remove(value)
        else:
            try:
                with localcontext() as context:
                    context.prec = 800
                    self.exact += sign * _exact(repr(value) if isinstance(value, float) else value)
            except InvalidOperation:
                return
        self.reals += sign * isinstance(value, float)
        self.count += sign

    def total(self) -> float:
        return sum(self.odd) if self.odd else float(self.exact)


class _Sum(_Numbers):
    def value(self) -> str | int | float | None:
        if not self.count:
            return None
        return self.total() if self.reals else _back(self.exact)

    finalize = value


class _Average(_Numbers):
    def value(self) -> float | None:
        return self.total() / self.count if self.count else None

    finalize = value


class _Reals:
    def __init__(self) -> None:
        self.values: list[float] = []

    def step(self, value: Value, /) -> None:
        if (real := _real(value)) is not None:
            self.values.append(real)

    def inverse(self, value: Value, /) -> None:
        if (real := _real(value)) is not None:
            self.values.remove(real)


def _real(value: Value) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None


class _Deviation(_Reals):
    def value(self) -> float | None:
        if len(self.values) < 2 or not all(map(math.isfinite, self.values)):
            return None
        mean = math.fsum(self.values) / len(self.values)
        return math.sqrt(math.fsum((value - mean) ** 2 for value in self.values) / (len(self.values) - 1))

    finalize = value


class _Percentile:
    def __init__(self) -> None:
        self._at = 0.0
        self._reals = _Reals()

    def step(self, value: Value, at: Value, /) -> None:
        self._at = float(str(at))
        self._reals.step(value)

    def inverse(self, value: Value, at: Value, /) -> None:
        self._reals.inverse(value)

    def value(self) -> float | None:
        ordered = sorted(self._reals.values)
        if not ordered:
            return None
        place = self._at * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (ordered[high] - ordered[low]) * (place - low)

    finalize = value


_AGGREGATES = (
    ("ch_sum", 1, _Sum),
    ("ch_avg", 1, _Average),
    ("ch_stddev", 1, _Deviation),
    ("ch_percentile", 2, _Percentile),
)

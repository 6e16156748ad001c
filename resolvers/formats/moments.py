"""Moments: dates, times, instants and intervals as ISO 8601 texts, a fraction only where it is not zero.

What cannot be said as a date (an engine's infinities, years beyond 32,000) is NULL.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_YEARS = 30_000
_DAY_MOST = _YEARS * 365
_MICROS = 1_000_000
_MICRO_MOST = _DAY_MOST * 86_400 * _MICROS


def days(array: pa.Array) -> pa.Array:
    """``2013-01-31``."""
    return _finite(array, pa.int32(), _DAY_MOST).cast(pa.string())


def clocks(array: pa.Array) -> pa.Array:
    """``HH:MM:SS[.ffffff]``."""
    micros = array.cast(pa.time64("us"), safe=False)
    return _without_zeros(micros, pa.int64(), pa.time32("s"))


def moments(array: pa.Array) -> pa.Array:
    """``2013-01-31T23:59:59[.ffffff]``, an instant in UTC and without its mark."""
    naive = array.view(pa.timestamp(array.type.unit))
    if array.type.unit == "ns":
        naive = pc.floor_temporal(naive, unit="microsecond")
    micros = naive.cast(pa.timestamp("us"), safe=False)
    micros = _finite(micros, pa.int64(), _MICRO_MOST)
    return pc.replace_substring(_without_zeros(micros, pa.int64(), pa.timestamp("s")), " ", "T")


def intervals(array: pa.Array) -> pa.Array:
    """``P1Y2M3DT4H5M6.5S``."""
    return pa.array([None if value is None else _interval(*value) for value in array.to_pylist()], pa.string())


def _finite(array: pa.Array, number: pa.DataType, most: int) -> pa.Array:
    """The values, NULL for those whose distance from 1970 is greater."""
    numbers = array.view(number)
    ends = pc.min_max(numbers)
    least, greatest = ends["min"].as_py(), ends["max"].as_py()
    if least is None or (least >= -most and greatest <= most):
        return array
    inside = pc.and_(pc.greater_equal(numbers, -most), pc.less_equal(numbers, most))
    return pc.if_else(inside, array, pa.scalar(None, array.type))


def _without_zeros(micros: pa.Array, number: pa.DataType, seconds: pa.DataType) -> pa.Array:
    """Texts with six digits after the point, or with none where all of them are zero."""
    numbers = micros.view(number)
    short = micros.cast(seconds, safe=False)
    whole = pc.equal(pc.multiply(pc.divide(numbers, _MICROS), _MICROS), numbers)
    if pc.all(whole).as_py() is not False:
        return short.cast(pa.string())
    return pc.if_else(whole, short.cast(pa.string()), micros.cast(pa.string()))


def _interval(months: int, days: int, nanoseconds: int) -> str:
    """Each part with its own sign; zero is ``PT0S``. Nanoseconds are cut to microseconds."""
    calendar = f"{_part(_quotient(months, 12), 'Y')}{_part(_rest(months, 12), 'M')}{_part(days, 'D')}"
    micros = _quotient(nanoseconds, 1000)
    seconds = _quotient(micros, _MICROS)
    minutes = _quotient(seconds, 60)
    clock = f"{_part(_quotient(minutes, 60), 'H')}{_part(_rest(minutes, 60), 'M')}{_seconds(micros)}"
    if not calendar and not clock:
        return "PT0S"
    return f"P{calendar}T{clock}" if clock else f"P{calendar}"


def _seconds(micros: int) -> str:
    rest = abs(micros) % (60 * _MICROS)
    if not rest:
        return ""
    fraction = f".{rest % _MICROS:06d}".rstrip("0").rstrip(".")
    return f"{'-' if micros < 0 else ''}{rest // _MICROS}{fraction}S"


def _part(count: int, sign: str) -> str:
    return f"{count}{sign}" if count else ""


def _quotient(value: int, by: int) -> int:
    """Towards zero, as SQL divides."""
    return value // by if value >= 0 else -(-value // by)


def _rest(value: int, by: int) -> int:
    return value - by * _quotient(value, by)

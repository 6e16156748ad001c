"""Binding: from the values of slots to what the engine is given.

1. A value becomes neutral: bool, int, float, bytes, and text for everything else (dates as ``2013-01-31``, instants in
   UTC as ``2013-01-31 05:00:00``, decimals in plain notation), whatever spelling of the wire form it arrived in.
2. The slot's transform is applied: LIKE patterns are escaped, HMAC keys become their pads, regular expressions are
   spelt in the words that every engine reads alike.
3. Where an engine has no arrays, the statement's list marks are expanded to a few lengths, so that few texts exist.

Values are never logged here or later.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from resolvers.backends.dialect import Statement
from resolvers.backends.regex import portable
from schema.errors import Refusal
from schema.query import Slot
from schema.types import Kind, Type

_BLOCK = 64
_INT64 = range(-(2**63), 2**63)
_DOUBLING = 1024
EMPTY = "SELECT NULL FROM (SELECT 1 AS one) AS none WHERE 1 = 0"
_MARK = re.compile(r"/\*(bind|list):(\d+)\*/|%")


def values(statement: Statement, lookup: Callable[[Slot], object]) -> list[object]:
    """The neutral value of every parameter in order. ``lookup`` gives the raw value of a slot.

    Raises `Refusal` CH504 where a value does not fit its slot's type.
    """
    return [prepare(slot, lookup(slot)) for slot in statement.params]


def prepare(slot: Slot, value: object) -> object:
    """One slot's value as it is bound; a list for a ``many`` slot, where NULL is an empty list."""
    if slot.transform is None and (kinds := _AS_IT_IS.get(slot.type.kind)) is not None:
        # What nearly every bind is: a value, or a list of values, that already has its neutral form.
        if not slot.many and value.__class__ is kinds[0] and kinds[1](value):
            return value
        if slot.many and value.__class__ in (list, tuple):
            given = list(value)
            if {*map(type, given)} <= {kinds[0]} and all(map(kinds[1], given)):
                return given
    if not slot.many:
        return _one(slot, value)
    items = value if isinstance(value, list | tuple | set | frozenset) else [] if value is None else [value]
    return [_one(slot, item) for item in items]


_AS_IT_IS: dict[Kind, tuple[type, Callable[[Any], bool]]] = {
    Kind.BOOLEAN: (bool, lambda value: True),
    Kind.INTEGER: (int, _INT64.__contains__),
    Kind.BIGINT: (int, _INT64.__contains__),
    Kind.FLOAT: (float, lambda value: True),
    Kind.STRING: (str, lambda value: value.isascii() and "\x00" not in value),
}


def _one(slot: Slot, value: object) -> object:
    if value is None:
        return None
    try:
        neutral = _neutral(slot.type, value)
    except (ValueError, TypeError, OverflowError, InvalidOperation) as error:
        raise Refusal(
            "CH504",
            f"A value does not fit the type {slot.type} that it is compared with.",
            "Give a value that the column's type can hold.",
        ) from error
    return neutral if slot.transform is None else _TRANSFORMS[slot.transform](neutral)


def _neutral(type_: Type, value: object) -> object:
    match type_.kind:
        case Kind.BOOLEAN:
            return _boolean(value)
        case Kind.INTEGER | Kind.BIGINT:
            return _integer(value)
        case Kind.FLOAT:
            return float(_number(value))
        case Kind.DECIMAL:
            return _plain(value)
        case Kind.DATE:
            return _date(value)
        case Kind.TIME:
            return (
                (value if isinstance(value, time) else time.fromisoformat(str(value))).replace(tzinfo=None).isoformat()
            )
        case Kind.DATETIME | Kind.TIMESTAMP:
            return _moment(value)
        case Kind.BYTES:
            return value if isinstance(value, bytes) else base64.b64decode(str(value), validate=True)
        case Kind.JSON | Kind.ARRAY | Kind.STRUCT:
            return orjson.dumps(value).decode()
        case Kind.UUID:
            return str(value).lower()
        case _:
            return _text(value)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("not a boolean")


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal | float):
        raise ValueError("not an integer")
    whole = int(value)
    if whole not in _INT64 or (not isinstance(value, str) and whole != value):
        raise ValueError("not a 64-bit integer")
    return whole


def _number(value: object) -> int | float | Decimal | str:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError("not a number")
    return value


def _plain(value: object) -> str:
    """A decimal in plain notation. A float counts as its shortest text."""
    exact = Decimal(repr(value) if isinstance(value, float) else _number(value))
    if not exact.is_finite() or exact.adjusted() > 1000 or exact.as_tuple().exponent < -1000:  # type: ignore[operator]
        raise ValueError("not a finite decimal of a sensible size")
    return format(exact, "f")


def _date(value: object) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    return (value if isinstance(value, date) else date.fromisoformat(str(value))).isoformat()


def _moment(value: object) -> str:
    """A date and time in UTC, without a zone and with a fraction only where there is one."""
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat(sep=" ")


def _text(value: object) -> str:
    found = value if isinstance(value, str) else str(value)
    found.encode()
    if "\x00" in found:
        raise ValueError("U+0000 cannot be stored by every engine")
    return found


def _escape(value: object) -> str:
    return re.sub(r"([\\%_])", r"\\\1", str(value))


@functools.lru_cache(maxsize=256)
def _pad(key: object, fill: int) -> bytes:
    raw = key if isinstance(key, bytes) else str(key).encode()
    block = (hashlib.sha256(raw).digest() if len(raw) > _BLOCK else raw).ljust(_BLOCK, b"\x00")
    return bytes(byte ^ fill for byte in block)


_TRANSFORMS: dict[str, Callable[[object], object]] = {
    "plus_one": lambda value: int(str(value)) + 1,
    "like_contains": lambda value: f"%{_escape(value)}%",
    "like_starts": lambda value: f"{_escape(value)}%",
    "like_ends": lambda value: f"%{_escape(value)}",
    "hmac_ipad": lambda value: _pad(value, 0x36),
    "hmac_opad": lambda value: _pad(value, 0x5C),
    "regex": lambda value: portable(str(value)),
    "regex_perl": lambda value: portable(str(value), end=r"\z"),
}


@dataclass(frozen=True, slots=True)
class Expanded:
    """A text in a driver's own bind style. ``named`` is None where the style is positional."""

    text: str
    named: dict[str, object] | None
    positional: tuple[object, ...] = ()


def expand(statement: Statement, bound: Sequence[object], paramstyle: str) -> Expanded:
    """Spell the marks of a statement (`resolvers.backends.marked`) in a driver's paramstyle (PEP 249).

    A list is filled up with its last element to 1, 2, 4, 8 .. 1024, then to multiples of 1024; an empty list becomes a
    sub-select without rows, which keeps ``IN`` and ``NOT IN`` as the standard has them.
    """
    style = _STYLES[paramstyle]
    given: dict[str, object] = {}
    order: list[object] = []

    def place(name: str, value: object) -> str:
        given[name] = value
        order.append(value)
        return style.format(name=name, at=len(order))

    def spell(mark: re.Match[str]) -> str:
        if mark[0] == "%":
            return "%%" if "%" in style else "%"
        at = int(mark[2])
        value = bound[at]
        if mark[1] == "bind":
            return place(f"p{at}", value)
        items = value if isinstance(value, list) else []
        filled = [*items, *(items[-1:] * (_length_class(len(items)) - len(items)))]
        return ", ".join(place(f"p{at}_{index}", item) for index, item in enumerate(filled)) or EMPTY

    text = _MARK.sub(spell, statement.text)
    return Expanded(text, given) if "{name}" in style else Expanded(text, None, tuple(order))


_STYLES = {"named": ":{name}", "pyformat": "%({name})s", "qmark": "?", "format": "%s", "numeric": ":{at}"}


def _length_class(length: int) -> int:
    if length > _DOUBLING:
        return -(-length // _DOUBLING) * _DOUBLING
    return 1 << (length - 1).bit_length() if length else 0

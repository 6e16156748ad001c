"""Map a verified payload to the claims the catalog declares.

The first present path wins, and there is no union. Nothing is coerced: a value of another type, or null, makes the
claim absent, so that a policy which names it is UNKNOWN. A string becomes a list only where the issuer's mapping says
``split`` or ``single_as_list``; a null inside a list stays, and makes a predicate that names the list UNKNOWN.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime, time

from schema.caller import ClaimValue, Scalar
from schema.catalog import Claim, ClaimPath, Issuer
from schema.types import STRING, Kind, Type

_DECIMAL = re.compile(r"-?\d+(\.\d+)?")


def map_claims(payload: Mapping[str, object], issuer: Issuer, declared: Mapping[str, Claim]) -> dict[str, ClaimValue]:
    """The declared claims that arrived with their declared type."""
    found: dict[str, ClaimValue] = {}
    for name, claim in declared.items():
        if (path := issuer.claims.get(name)) is not None:
            value = _value(payload, path, claim.type, claim.many)
            if value is not None:
                found[name] = value
    return found


def map_purposes(payload: Mapping[str, object], issuer: Issuer) -> frozenset[str]:
    """The purposes a token allows; none where the issuer does not say where they stand."""
    if issuer.purposes is None:
        return frozenset()
    value = _value(payload, issuer.purposes, STRING, True)
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else frozenset()


def _value(payload: Mapping[str, object], path: ClaimPath, type_: Type, many: bool) -> ClaimValue | None:
    present, value = _first_present(payload, path)
    if not present or value is None:
        return None
    if not many:
        return _scalar(value, type_)
    if isinstance(value, str) and path.split is not None:
        value = [part for part in value.split(path.split) if part]
    elif not isinstance(value, list) and path.single_as_list:
        value = [value]
    return _list(value, type_) if isinstance(value, list) else None


def _first_present(payload: Mapping[str, object], path: ClaimPath) -> tuple[bool, object]:
    for keys in path.paths:
        value: object = payload
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                break
            value = value[key]
        else:
            return True, value
    return False, None


def _list(values: list[object], type_: Type) -> tuple[Scalar | None, ...] | None:
    items: list[Scalar | None] = []
    for value in values:
        item = None if value is None else _scalar(value, type_)
        if item is None and value is not None:
            return None
        items.append(item)
    return tuple(items)


def _scalar(value: object, type_: Type) -> Scalar | None:
    read = _READERS.get(type_.kind)
    return None if read is None else read(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and "\x00" not in value else None


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _whole(bits: int) -> Callable[[object], int | None]:
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def read(value: object) -> int | None:
        ok = isinstance(value, int) and not isinstance(value, bool)
        return value if ok and isinstance(value, int) and least <= value <= most else None

    return read


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _decimal(value: object) -> Scalar | None:
    if isinstance(value, str):
        return value if _DECIMAL.fullmatch(value) else None
    return _float(value) if isinstance(value, float) else _whole(64)(value)


def _spelt(parse: Callable[[str], object]) -> Callable[[object], str | None]:
    """A text that must read as something else, and stays text."""

    def read(value: object) -> str | None:
        if not isinstance(value, str):
            return None
        try:
            parse(value)
        except ValueError:
            return None
        return value

    return read


_READERS: Mapping[Kind, Callable[[object], Scalar | None]] = {
    Kind.STRING: _text,
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _whole(32),
    Kind.BIGINT: _whole(64),
    Kind.FLOAT: _float,
    Kind.DECIMAL: _decimal,
    Kind.DATE: _spelt(date.fromisoformat),
    Kind.TIME: _spelt(time.fromisoformat),
    Kind.DATETIME: _spelt(datetime.fromisoformat),
    Kind.TIMESTAMP: _spelt(datetime.fromisoformat),
    Kind.UUID: _spelt(uuid.UUID),
}

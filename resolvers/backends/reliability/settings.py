"""Settings of one source's guard, taken out of `source.options`, so that a back end sees only its own.

Raises ValueError with a sentence for a value that has no meaning. A duration is seconds, or text like ``50ms``; a share
is a number from 0 to 1, or text like ``10%``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from resolvers.backends.reliability.breaker import Trip
from schema.load_units import seconds

_OURS = ("breaker", "hedge", "retry", "retries")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)\s*%")


@dataclass(frozen=True, slots=True)
class Settings:
    """``concurrency`` calls at once and ``waiting`` more in line, in each worker process; ``call_timeout`` seconds for
    one call; ``retries`` of one question; ``retry_budget`` share of calls that may be made again, by a retry or a
    hedge; ``patience`` seconds that a source must have had before a caller's own deadline counts against it; ``hedge``
    seconds until a second call, None: never."""

    concurrency: int = 16
    waiting: int = 1000
    call_timeout: float = 10.0
    retries: int = 1
    retry_budget: float = 0.1
    patience: float = 1.0
    hedge: float | None = None
    trip: Trip = field(default_factory=Trip)


def split(options: Mapping[str, object]) -> tuple[Settings, dict[str, object]]:
    """The guard's settings, and the options that are left for the back end."""
    own: dict[str, Any] = {}
    trip: dict[str, Any] = {}
    for name, value in options.items():
        if name in _READ:
            own[name] = _READ[name](name, value)
        elif name in _TRIP:
            field_, read = _TRIP[name]
            trip[field_] = read(name, value)
        elif name.startswith(_OURS):
            raise ValueError(f"there is no option '{name}'; a guard has {', '.join(sorted(NAMES))}")
    patience = {"patience": own.pop("breaker_patience")} if "breaker_patience" in own else {}
    made = Settings(**own, **patience, trip=Trip(**trip))
    if made.hedge is not None and made.hedge >= made.call_timeout:
        raise ValueError("'hedge' must be shorter than 'call_timeout'; a second call would never begin")
    return made, {name: value for name, value in options.items() if name not in NAMES}


def _count(least: int, most: int) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        number = int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,9}", value) else value
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise ValueError(f"'{name}' is a whole number from {least} to {most}")
        return number

    return read


def _duration(least: float, most: float) -> Callable[[str, object], float]:
    def read(name: str, value: object) -> float:
        number = _number(value) if not isinstance(value, str) else seconds(value)
        number = _number(value) if number is None else number
        if number is None or not least <= number <= most:
            raise ValueError(f"'{name}' is a time from {least:g} to {most:g} seconds, such as 2 or 50ms")
        return number

    return read


def _share(least: float) -> Callable[[str, object], float]:
    def read(name: str, value: object) -> float:
        percent = _SHARE.fullmatch(value) if isinstance(value, str) else None
        number = float(percent[1]) / 100 if percent else _number(value)
        if number is None or not least <= number <= 1:
            raise ValueError(f"'{name}' is a share from {least:g} to 1, such as 0.1 or 10%")
        return number

    return read


def _hedge(name: str, value: object) -> float | None:
    return None if value is False or value == "off" else _duration(0.001, 60)(name, value)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


_READ: Mapping[str, Callable[[str, object], object]] = {
    "concurrency": _count(1, 10_000),
    "waiting": _count(0, 100_000),
    "call_timeout": _duration(0.01, 3600),
    "retries": _count(0, 5),
    "retry_budget": _share(0),
    "breaker_patience": _duration(0, 60),
    "hedge": _hedge,
}
_TRIP: Mapping[str, tuple[str, Callable[[str, object], object]]] = {
    "breaker_failures": ("failures", _count(1, 10_000)),
    "breaker_rate": ("rate", _share(0.01)),
    "breaker_seconds": ("seconds", _duration(0.01, 3600)),
}
NAMES = frozenset(_READ) | frozenset(_TRIP)
"""The options that are the guard's."""

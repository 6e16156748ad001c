"""Window: so many units in the last so many seconds, estimated from two counters (a sliding window counter).

The counters are those of the PyPI package ``limits``: what was used in the current window, and in the one before, of
which the part still counts that the last seconds reach into. An estimate is never off by more than uneven use of the
window before makes it; it costs two numbers, however many units are counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple


class Tally(NamedTuple):
    """What the counters say: units of the window before and for how long it still counts, units of the current one and
    when it no longer counts at all. Times are in seconds from now."""

    before: int
    before_ends: float
    now: int
    now_ends: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a quota is left: ``left`` of ``limit`` units in ``window`` seconds. ``over``: in how many seconds a
    unit will be there again (0: there is one); ``ends``: in how many the current window ends."""

    limit: int
    window: int
    left: int
    over: float
    ends: float


def standing(tally: Tally, limit: int, window: int) -> Standing:
    """Where a quota of ``limit`` units in ``window`` seconds stands."""
    ends = min(float(window), max(0.0, tally.now_ends - window)) or tally.before_ends or float(window)
    used = math.floor(tally.before * tally.before_ends / window) + tally.now
    left = max(0, limit - used)
    return Standing(limit, window, left, 0.0 if left else _until_one(tally, limit, window, ends), ends)


def _until_one(tally: Tally, limit: int, window: int, ends: float) -> float:
    """Seconds until the estimate is below the limit: as the window before wanes, or after that as this one does."""
    if tally.now < limit:
        return max(0.0, tally.before_ends - (limit - tally.now) * window / max(1, tally.before))
    return ends + window * (1 - limit / tally.now)

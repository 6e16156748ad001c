"""A partner's stop, as a line of the stops file and as a record that processes share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """Stopped since when (seconds since 1970), and why."""

    since: float
    reason: str

    @property
    def moment(self) -> str:
        return written(self.since)


@dataclass(frozen=True, slots=True)
class Record:
    """What was last said of a partner, and when: that it is stopped, or that it is not (any more)."""

    at: float
    stop: Stop | None


def written(at: float) -> str:
    """A time in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(text: str) -> float:
    """The time that `written` wrote. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.timestamp()


def later_than(before: Record | None) -> float:
    """A time for what is said now: after whatever was said before, by whichever clock."""
    return max(time.time(), 0.0 if before is None else before.at + 0.001)

"""Window: how many calls of the last seconds failed, in ten buckets, so that memory does not grow with the calls."""

from __future__ import annotations

from collections import deque

BUCKETS = 10


class Window:
    """Counts over ``seconds``, to a tenth of it."""

    def __init__(self, seconds: float) -> None:
        self._width = seconds / BUCKETS
        self._buckets: deque[tuple[int, int, int]] = deque()

    def add(self, now: float, failed: bool) -> None:
        """One call ended at ``now``, which never goes back."""
        at, calls, failures = int(now / self._width), 0, 0
        if self._buckets and self._buckets[-1][0] == at:
            _, calls, failures = self._buckets.pop()
        self._buckets.append((at, calls + 1, failures + failed))
        while self._buckets[0][0] <= at - BUCKETS:
            self._buckets.popleft()

    def sums(self) -> tuple[int, int]:
        """Calls and failures, as of the last `add`."""
        return sum(calls for _, calls, _ in self._buckets), sum(failures for _, _, failures in self._buckets)

    def clear(self) -> None:
        self._buckets.clear()

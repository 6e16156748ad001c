"""Budget: how many calls may be made twice. Each call earns a fraction of a token, each second call spends a whole one.

So an outage is never multiplied: of n calls at most n * fraction and a small reserve are made again, however each of
them fails. The reserve lets a source that is seldom asked retry at all.
"""

from __future__ import annotations

RESERVE = 5
_WHOLE = 1000  # a token, in parts: floats would lose some of ten tenths


class Budget:
    """``fraction`` of calls that may be made again; it starts with its reserve, and keeps no more than that."""

    def __init__(self, fraction: float, reserve: int = RESERVE) -> None:
        self._earned = round(fraction * _WHOLE)
        self._most = reserve * _WHOLE if self._earned else 0
        self._parts = self._most

    def earn(self) -> None:
        """A call was asked for."""
        self._parts = min(self._most, self._parts + self._earned)

    def spend(self) -> bool:
        """Whether one more call may be made, which is then paid for."""
        if self._parts < _WHOLE:
            return False
        self._parts -= _WHOLE
        return True

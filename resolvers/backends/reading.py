"""Reading rows: count them against the bounds and finish what SQL left open.

Bytes are those of the values as text. A JSON-typed value is parsed, except the one document of a `Statement` marked so,
which stays text; the rows of a ``raw`` statement are not looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite

import orjson

from resolvers.backends.backend import Bounds
from resolvers.backends.dialect import Statement
from resolvers.backends.failures import too_many_bytes, too_many_rows

Row = tuple[object, ...]
CHUNK = 1000


def within(rows: list[Row], bounds: Bounds) -> None:
    """Check the rows of a ``raw`` statement that came in one chunk. Raises `Refusal` CH601 or CH602."""
    if len(rows) > bounds.rows:
        raise too_many_rows(bounds.rows)
    if _alone(rows) and _length(rows) > bounds.bytes:
        raise too_many_bytes(bounds.bytes)


def _alone(rows: list[Row]) -> bool:
    """Of the first few raw rows nothing is measured but long texts that stand alone: the answer that is made of them
    is."""
    return bool(rows) and len(rows[0]) <= 2


def _length(rows: list[Row]) -> int:
    return sum([len(value) for row in rows for value in row if isinstance(value, str | bytes)])


class Reader:
    """Gathers the rows of one statement, chunk by chunk. ``json``: the columns that the driver gives as JSON text."""

    def __init__(self, statement: Statement, bounds: Bounds, json: frozenset[int] = frozenset()) -> None:
        self._bounds, self._json, self._document, self._raw = bounds, json, statement.document, statement.raw
        self._bytes = 0
        self.rows: list[Row] = []

    def most(self) -> int:
        """How many rows to fetch next: one more than are left, so that too many shows."""
        return min(CHUNK, self._bounds.rows - len(self.rows) + 1)

    def add(self, rows: Iterable[Sequence[object]]) -> None:
        """Raises `Refusal` CH601 or CH602 as soon as a bound is passed."""
        if self._raw:
            self._add_raw(rows if isinstance(rows, list) else [tuple(row) for row in rows])
            return
        for row in rows:
            self.rows.append(tuple([self._value(value, at) for at, value in enumerate(row)]))
        self._check()

    def _add_raw(self, rows: list[Row]) -> None:
        """Rows as the driver has them."""
        if self.rows or _alone(rows):
            self._bytes += _length(rows)
        if self.rows:
            self.rows += rows
        else:
            self.rows = rows
        self._check()

    def _check(self) -> None:
        if len(self.rows) > self._bounds.rows:
            raise too_many_rows(self._bounds.rows)
        if self._bytes > self._bounds.bytes:
            raise too_many_bytes(self._bounds.bytes)

    def _value(self, value: object, at: int) -> object:
        kind = value.__class__
        if kind is str:
            self._bytes += len(value)  # type: ignore[arg-type]  # a str, by the line above
            if at not in self._json:
                return value
            return str(value) if self._document else orjson.loads(str(value))
        if isinstance(value, bytes):
            self._bytes += len(value)
            return value.decode() if self._document else orjson.loads(value)
        self._bytes += 8
        return value if kind is not float or isfinite(value) else None  # type: ignore[arg-type]  # a float, by its class

"""Trace: one request, followed: which trace it belongs to, when its plan began to run, and what it asked of sources.

Names, numbers and statements as they are planned; no values, so there is none to leak. Spans and the record of slow
requests are made of it when the request has been answered (`spans`, `slow`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from app.serving import Serving
from app.telemetry.parent import Parent, headers_of
from resolvers.backends.dialect import Statement
from resolvers.followed import NO_HEADERS

MOST = 200
"""The most calls that are kept of one request."""


class Ids(NamedTuple):
    """A place in a trace. ``parent`` is the sender's span, '' for a trace that begins here."""

    trace_id: str
    span_id: str
    parent: str
    sampled: bool
    state: str = ""


class Dice:
    """Makes ids, and decides which traces that begin here are kept. One for each process: made after the fork."""

    def __init__(self, ratio: float) -> None:
        self._random, self._ratio = random.Random(), ratio

    def span(self) -> str:
        return f"{self._random.getrandbits(64) or 1:016x}"

    def ids(self, parent: Parent | None) -> Ids:
        if parent is not None:
            return Ids(parent.trace_id, self.span(), parent.span_id, parent.sampled, parent.state)
        trace = f"{self._random.getrandbits(128) or 1:032x}"
        return Ids(trace, self.span(), "", self._random.random() < self._ratio)


class Call:
    """One statement or call at a source. ``seconds`` below zero while it is under way."""

    __slots__ = ("began", "code", "id", "keys", "products", "rows", "seconds", "source", "statement", "trace")

    def __init__(
        self, trace: Trace, source: str, products: Callable[[], Iterable[str]], statement: Statement | None, keys: int
    ) -> None:
        self.trace, self.source, self.products, self.statement, self.keys = trace, source, products, statement, keys
        self.began, self.seconds = time.perf_counter(), -1.0
        self.rows: int | None = None
        self.code: str | None = None
        self.id = trace.dice.span() if trace.ids is not None and trace.ids.sampled else ""

    def named(self, serving: Serving | None) -> list[str]:
        """The products that it is about; for a statement that says none, those of the plan that are in its source."""
        found = list(self.products())
        if not found and serving is not None:
            known = serving.project.catalog.products
            found = sorted(id_ for id_ in self.trace.products if id_ in known and known[id_].source == self.source)
        return found

    @property
    def headers(self) -> Mapping[str, str]:
        ids = self.trace.ids
        if ids is None:
            return NO_HEADERS
        return headers_of(ids.trace_id, self.id or ids.span_id, ids.sampled, ids.state)

    def ended(self, rows: int | None = None, code: str | None = None) -> None:
        if self.seconds < 0:
            self.rows, self.code, self.seconds = rows, code, time.perf_counter() - self.began
            if self.trace.late is not None:
                self.trace.late(self)


class Trace:
    """One request's. ``ids`` is None where only slowness is watched. ``late`` is told of calls that end after the
    request: others may wait for the same rows."""

    __slots__ = ("began", "calls", "dice", "ids", "late", "products", "run_id", "running", "texts", "wall")

    def __init__(self, ids: Ids | None, dice: Dice, began: float) -> None:
        self.ids, self.dice, self.began = ids, dice, began
        self.wall = time.time_ns() - int((time.perf_counter() - began) * 1e9)
        self.calls: list[Call] = []
        self.products: frozenset[str] = frozenset()
        self.texts: Callable[[], Iterable[str]] | None = None
        self.running = 0.0
        self.run_id = ""
        self.late: Callable[[Call], None] | None = None

    def at(self, moment: float) -> int:
        """A moment of the process's clock in nanoseconds of Unix time."""
        return self.wall + int((moment - self.began) * 1e9)

    def runs(self, products: Iterable[str], texts: Callable[[], Iterable[str]]) -> None:
        self.products, self.texts, self.running = frozenset(products), texts, time.perf_counter()
        if self.ids is not None and self.ids.sampled:
            self.run_id = self.dice.span()

    def asks(
        self, source: str, products: Callable[[], Iterable[str]], statement: Statement | None = None, keys: int = 0
    ) -> Call:
        call = Call(self, source, products, statement, keys)
        if len(self.calls) < MOST:
            self.calls.append(call)
        return call

"""What the engine tells whoever counts: how long sources took, how they failed, and what was found in the caches.

Names and numbers only. `app.metrics.metrics.Metrics` is one; `SILENT` is for those who do not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Observer(Protocol):
    """Called from the event loop, once for each thing that happened; must be quick and must not raise."""

    def source(self, name: str, seconds: float) -> None:
        """One statement ran at a source, well or not."""

    def source_error(self, name: str, code: str) -> None:
        """One statement failed with this code."""

    def plan_hit(self) -> None:
        """A plan was found."""

    def plan_miss(self, cached: int) -> None:
        """A plan was made; so many are kept now."""

    def cache(self, result: str) -> None:
        """An answer was asked of the result cache: hit, miss or another word of ours."""

    def breaker(self, name: str, before: str | None, after: str | None) -> None:
        """A source's breaker went from one state to another: closed, open or half_open. Before its first state and
        after its last there is none; so a reload, which opens the new before it closes the old, counts right."""

    def retry(self, name: str) -> None:
        """A source is asked again after a failure."""

    def hedge(self, name: str, winner: str) -> None:
        """A second call was made beside a slow first one. Who answered: first, second or neither."""

    def turned_away(self, name: str, why: str) -> None:
        """A source was not asked: its breaker is open, or its line is full."""

    def masked(self, counts: Iterable[tuple[str, int]]) -> None:
        """A question named so many columns of these products that a mask stands before."""


class Silent:
    """Counts nothing."""

    def source(self, name: str, seconds: float) -> None: ...
    def source_error(self, name: str, code: str) -> None: ...
    def plan_hit(self) -> None: ...
    def plan_miss(self, cached: int) -> None: ...
    def cache(self, result: str) -> None: ...
    def breaker(self, name: str, before: str | None, after: str | None) -> None: ...
    def retry(self, name: str) -> None: ...
    def hedge(self, name: str, winner: str) -> None: ...
    def turned_away(self, name: str, why: str) -> None: ...
    def masked(self, counts: Iterable[tuple[str, int]]) -> None: ...


SILENT: Observer = Silent()

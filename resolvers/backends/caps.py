"""Caps: the most that may be gathered to join the rows of several sources."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caps:
    """``rows`` and ``bytes`` (in Arrow) of all parts together; ``memory`` is the engine's limit for everything, the
    parts and the work over them, as DuckDB spells it (``512MB``). More is CH606, never a cut."""

    rows: int
    bytes: int
    memory: str

"""What goes into the engine and what comes out: an operation as it was asked, an answer as it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Language = Literal["graphql", "sql"]


@dataclass(frozen=True, slots=True)
class Operation:
    """A request's text and values, not yet understood. ``name`` picks one of several GraphQL operations."""

    language: Language
    text: str
    variables: Mapping[str, object] = field(default_factory=dict)
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Response bytes. ``status`` is 200, or 294 where the body holds both ``data`` and ``errors``.

    ``timings`` are milliseconds by stage. ``document`` marks what was asked, the same for the same text.
    """

    body: bytes
    status: int = 200
    timings: Mapping[str, float] = field(default_factory=dict)
    document: str | None = None

"""What goes into the engine and what comes out: an operation as it was asked, an answer as it is sent.

Named tuples, as everything that is made anew for each request: a frozen dataclass of eight fields takes three times as
long to make.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from policies.account import Account

NOTHING: Mapping[str, object] = MappingProxyType({})
NO_TIMINGS: Mapping[str, float] = MappingProxyType({})
NO_ROWS: Mapping[str, int] = MappingProxyType({})
Language = Literal["graphql", "sql"]
Measure = Callable[[], Awaitable[int]]
Before = Callable[[Account, int], Awaitable[None]]
"""Asked when it is known what an operation names, what was decided on it and what it may cost, before any source is;
raises `Refusal` to end it there."""


class Operation(NamedTuple):
    """A request's text and values, not yet understood. ``name`` picks one of several GraphQL operations;
    ``request_id`` names the request in logs, ours and those of sources that take one. ``within``: the seconds it may
    take, where that is less than the zone allows. ``registered``: name and hash, where the text is a registered
    document's. ``costs``: the answer says what it cost; ``measured``: it can be asked for that (`Answer.measure`)."""

    language: Language
    text: str
    variables: Mapping[str, object] = NOTHING
    name: str | None = None
    request_id: str = ""
    within: float = math.inf
    registered: tuple[str, str] | None = None
    costs: bool = False
    measured: bool = False


class Answer(NamedTuple):
    """Response bytes. ``status`` is 200, or 294 where the body holds both ``data`` and ``errors``.

    ``timings`` are milliseconds by stage. ``document`` marks what was asked, the same for the same text.
    ``rows`` are those it holds, by product, where somebody asks `Before`; ``given`` how many
    statements and look-ups gave one by one. ``fresh``: for how many seconds it may be used again, where every steward
    of its rows allows that. ``codes`` are those of the errors beside the data. ``cost`` is what it was estimated to
    cost; ``measure`` counts what it did cost, where that was asked for and it is not too long.
    """

    body: bytes
    status: int = 200
    timings: Mapping[str, float] = NO_TIMINGS
    document: str | None = None
    rows: Mapping[str, int] = NO_ROWS
    fresh: float | None = None
    given: int = 0
    codes: tuple[str, ...] = ()
    cost: int = 0
    measure: Measure | None = None

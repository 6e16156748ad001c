"""Steps: what a plan is made of. Fetches ask sources that speak SQL, lookups those that answer by key, and
gathers come before both; run stitches what comes back by the layouts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from policies.govern import GovernedQuery
from resolvers.backends.dialect import Statement
from schema.query import Block, Gathering, Slot
from schema.types import Type

Form = Literal["rows", "objects", "array"]
"""How the rows of a fetch come: one column for each value; one JSON object for each row; or one row of (how many, the
JSON array of all)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things stand in a block's row. ``links`` are, per cut child, the positions of its link values; ``children``
    are the positions of the children's rows, by block name; those in ``finished`` are JSON as the answer shows it, as
    text unless the row was ``parsed`` from JSON itself. ``keys`` are, below a cut, the positions of the row's own link
    values. ``texts`` are positions of JSON text. ``empty`` is the row of an aggregate over nothing."""

    links: Mapping[str, tuple[int, ...]]
    children: Mapping[str, int]
    keys: tuple[int, ...]
    empty: tuple[object, ...] = ()
    texts: frozenset[int] = frozenset()
    finished: frozenset[str] = frozenset()
    parsed: bool = False
    form: Form = "rows"


@dataclass(frozen=True, slots=True)
class Fetch:
    """One statement and where its rows go.

    ``parent`` is the block whose rows' link values are bound to ``keys`` (None for a root). ``parsed`` are the
    positions of JSON text that the gateway itself goes on with. ``freshness``: for how many seconds its result may be
    used again. ``listed`` are the binds of the keys that it was asked for, where it has a row for each.
    """

    source: str
    block: Block
    statement: Statement
    form: Form = "rows"
    parsed: tuple[int, ...] = ()
    freshness: float | None = None
    parent: str | None = None
    keys: tuple[Slot, ...] = ()
    below: tuple[Fetch | Lookup, ...] = ()
    listed: tuple[Slot, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Where a part of a key stands: link value ``at`` of the parent's row, or output ``at`` of the block at the end of
    ``path``, children one below the other. ``type`` is that of the value there."""

    at: int
    type: Type
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lookup:
    """Rows of one product by key, one for each row of ``parent``, or for each of the keys in ``keys`` for a root.

    ``columns`` are asked of the source; ``outputs`` are the column of each of the block's outputs (None: a constant
    1). ``parts`` are the parts of the key, None where nothing feeds it; ``given`` says which of them must be there.
    ``alike``: per part of the key, whether the governed row must show it clear; else it only has to show something.
    ``needs`` are the steps beside it that must have run. ``compared``: its rows are for a gathering's condition alone.
    """

    source: str
    block: Block
    product: str
    columns: tuple[str, ...]
    outputs: tuple[str | None, ...]
    parts: tuple[Part | None, ...] = ()
    given: tuple[bool, ...] = ()
    alike: tuple[bool, ...] = ()
    parent: str | None = None
    keys: tuple[Slot, ...] = ()
    needs: frozenset[str] = frozenset()
    compared: bool = False


Step = Fetch | Lookup


@dataclass(frozen=True, slots=True)
class Gather:
    """What is asked before: ``types`` are those of the link values, ``most`` how many rows are looked at."""

    gathering: Gathering
    fetch: Fetch
    types: tuple[Type, ...]
    most: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that needs to run for a governed query. ``layouts`` by block name."""

    query: GovernedQuery
    steps: tuple[Step, ...]
    layouts: Mapping[str, Layout]
    gathers: tuple[Gather, ...] = ()


def steps_of(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """All steps of a tree, parents before children."""
    found: list[Step] = []
    for step in steps:
        found.append(step)
        if isinstance(step, Fetch):
            found.extend(steps_of(step.below))
    return tuple(found)

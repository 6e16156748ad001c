"""How one engine spells the planner's SQL. Pure: no I/O, no caller, no policy.

A dialect lowers the logical functions of `schema.query` and the wire forms of `schema.types` to its engine, and
renders the final statement with its own bind style. Everything but `render` gives *logical* SQL, which only `render`
turns into the engine's words, so a tree may be built, walked and verified before an engine is spelt.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol

from sqlglot import exp

from schema.query import Slot
from schema.types import Kind, Type


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an engine can do. ``tree``: builds nested JSON of correlated sub-selects in one statement. ``arrays``: takes
    a list as one bind (else list binds are padded to 1, 2, 4, 8 ..). ``aggregates_rows``: a long list is best had as
    one JSON array (else as one JSON object for each row). ``as_json``: kinds that a column gives as JSON text."""

    tree: bool
    arrays: bool
    percentile: bool = True
    stddev: bool = True
    aggregates_rows: bool = False
    as_json: frozenset[Kind] = frozenset({Kind.JSON, Kind.ARRAY, Kind.STRUCT})


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement ready to run. ``params`` are the slots in the order of the engine's positions.

    Where lists are padded, ``text`` holds ``/*list:N*/`` marks that the back end expands per length class, and
    ``/*bind:N*/`` marks that it spells in its driver's style.
    ``document``: the only column is JSON built by ``json_row``, ``json_object`` or ``json_rows``; the back end gives
    its text unparsed. ``raw``: every column is a `Dialect.cell` or JSON, and is given as the driver has it.
    """

    text: str
    params: tuple[Slot, ...]
    document: bool = False
    raw: bool = False


class Dialect(Protocol):
    name: str
    sqlglot_name: str
    capabilities: Capabilities

    @abstractmethod
    def wire(self, value: exp.Expression, type_: Type) -> exp.Expression:
        """The value in the form it has inside JSON built by this engine (tree), or that the back end's row reader
        turns into the wire form without knowing the type again (rows): text, number, boolean or JSON."""

    @abstractmethod
    def cell(self, value: exp.Expression, type_: Type) -> exp.Expression:
        """The value as a column of a ``raw`` statement: text, number or boolean in wire form (a float that is not
        finite may come as such), or JSON text for the kinds that `Capabilities.as_json` names."""

    @abstractmethod
    def json_text(self, value: str) -> exp.Expression:
        """A constant text, already wired."""

    @abstractmethod
    def json_one(self, select: exp.Select, items: list[tuple[str, exp.Expression]], name: str) -> exp.Select:
        """A select of at most one row as one JSON object of already wired values. Only where ``tree``. ``name`` is a
        relation's name that no key can be."""

    @abstractmethod
    def json_list(
        self, select: exp.Select, items: list[tuple[str, exp.Expression]], name: str, order: exp.Expression | None
    ) -> exp.Select:
        """A select as the JSON array of objects of already wired values, in its own order, ``[]`` for no rows. Only
        where ``tree``. ``order`` is a row's number in that order, for engines that need it."""

    @abstractmethod
    def json_row(self, items: list[exp.Expression]) -> exp.Expression:
        """A JSON array of already wired values, nested `json_rows` included. Only where ``tree``."""

    @abstractmethod
    def json_object(self, items: list[tuple[str, exp.Expression]]) -> exp.Expression:
        """A JSON object of already wired values. Only where ``tree``."""

    @abstractmethod
    def json_rows(self, item: exp.Expression, order: exp.Expression) -> exp.Expression:
        """Aggregate: the JSON array of ``item`` by ascending ``order``, ``[]`` for no rows. Only where ``tree``."""

    @abstractmethod
    def column(self, value: exp.Expression, type_: Type) -> exp.Expression:
        """A stored column as its logical type: compared, sorted and grouped the same in every engine (strings by code
        point, instants in UTC). Costs nothing where the column's own type already says so."""

    @abstractmethod
    def cast(self, value: exp.Expression, type_: Type) -> exp.Expression:
        """The value converted to a logical type."""

    @abstractmethod
    def bind(self, slot: Slot) -> exp.Expression:
        """The expression for a bind of this slot."""

    @abstractmethod
    def render(self, query: exp.Expression, slots: dict[str, Slot]) -> Statement:
        """Lower every logical function and placeholder and write the statement. Comments are never written."""

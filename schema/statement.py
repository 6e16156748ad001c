"""What passes from the SQL front end to the gate: one free SELECT over logical names, resolved.

`LogicalStatement.tree` is a sqlglot tree of `schema.sql.forms` in which

- a table is ``"operations"."flights" AS "t3"`` (db = domain, this = product), or names a common table expression, and
  every alias of a table, derived table, lateral or series stands once in the whole statement;
- every column is qualified by such an alias, or is the alias of an output (in ORDER BY); identifiers are quoted; stars,
  USING and NATURAL are gone; every output of the root is aliased ``"c0"``, ``"c1"`` ..;
- ``"t3"."~=operations.flights.plane"`` is the opaque join key of a relationship on its owner's side, and
  ``"t7"."~=>operations.flights.plane"`` on the other side: equal where the rows are related, and nothing else;
- binds are ``exp.Placeholder(this=<slot name>)``; literals stand where the caller wrote them, and reach an engine only
  as the generator writes them.

Tables of the virtual schemas (`schema.sql.information`) stand like products, with their schema as the domain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from schema.query import Slot
from schema.types import Type

Dialect = Literal["postgres", "duckdb", "bigquery", "ansi"]
DIALECTS: tuple[Dialect, ...] = ("postgres", "duckdb", "bigquery", "ansi")
JOIN = "~="
FAR_JOIN = "~=>"
VIRTUAL = frozenset({"information_schema", "catalog"})
"""The schemas that answer from the caller's own catalog."""
VIRTUAL_MARK = "~virtual."
PULLED_MARK = "~part."
"""Begin the names of virtual tables and of pulled governed rows in a governed statement, which no table of a source
has."""


@dataclass(frozen=True, slots=True)
class Named:
    """An output of a statement: what the caller calls it, and its logical type where it is a column's own."""

    name: str
    type: Type | None


@dataclass(frozen=True, slots=True)
class LogicalStatement:
    """A resolved statement, before policy. ``products`` are all that it names, virtual tables apart; ``normal`` is its
    text without values, for logs."""

    tree: exp.Query
    dialect: Dialect
    outputs: tuple[Named, ...]
    products: frozenset[str]
    slots: Mapping[str, Slot]
    normal: str

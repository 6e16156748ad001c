"""From a steward's SQL to what the gate can use: conditions, derived columns. The front door of the predicate rooms.

    text --predicate_text--> tree --predicate_read (+ names, types)--> checked expression --guard.split--> Condition

Raises `Fault` (no place yet) or `LoadErrors` (with the place it was given).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies import predicate_truth, predicate_value
from policies.condition import Condition
from policies.fault import Fault
from policies.guard import guard_of, split
from policies.predicate_names import ColumnsScope, PapersScope, RowScope
from policies.predicate_read import Found, Reader, Scope
from policies.predicate_text import parse_predicate
from policies.predicate_types import Term, adapt, fits
from schema.catalog import Claim
from schema.errors import LoadErrors, Place
from schema.types import Type

ROOMS = (predicate_truth, predicate_value)
"""Importing them puts their readers on the allow-list; `reader` is how other rooms get a `Reader` that knows them."""


def reader(scope: Scope) -> Reader:
    return Reader(scope)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition, and the (product, column) names that stand in it, before derived columns are inlined."""

    condition: Condition
    named: frozenset[tuple[str, str]]
    warnings: tuple[str, ...]


def guard_condition(text: str, place: Place, claims: Mapping[str, Claim]) -> Compiled:
    """A condition over claims and request alone. Raises `Fault`; CH411 where it names anything else."""
    return _condition(text, place, PapersScope(claims), claims)


def row_condition(text: str, place: Place, scope: RowScope) -> Compiled:
    """A condition over a product's row. Raises `Fault`."""
    return _condition(text, place, scope, scope.catalog.claims)


def _condition(text: str, place: Place, scope: Scope, claims: Mapping[str, Claim]) -> Compiled:
    reads = reader(scope)
    try:
        sql = reads.condition(parse_predicate(text), positive=True).sql
        guards, row = split(sql, frozenset(reads.found.truths))
        functions = tuple(guard_of(guard, claims) for guard in guards)
    except RecursionError:
        raise Fault("CH406", "The expression is nested too deep.") from None
    found = reads.found
    condition = Condition(
        text=text,
        place=place,
        claims=frozenset(found.claims),
        nonempty=frozenset(found.nonempty),
        guards=functions,
        row=row,
        columns=frozenset(found.columns),
        related=_related(sql),
        entitlements=frozenset(found.entitlements),
        requests=frozenset(found.requests),
        guarded=_guarded(guards),
    )
    return Compiled(condition, frozenset(found.named), tuple(found.warnings))


def _guarded(guards: list[exp.Expression]) -> frozenset[str]:
    names = {node.name.partition(":") for guard in guards for node in guard.find_all(exp.Placeholder)}
    return frozenset(claim for room, _, claim in names if room == "claim")


def _related(sql: exp.Expression) -> frozenset[str]:
    return frozenset(f"{table.db}.{table.name}" for table in sql.find_all(exp.Table))


def read_expression(text: str, columns: Mapping[str, Type]) -> tuple[Term, Found]:
    """A steward's expression over columns, with its type and what it names. Raises `Fault`."""
    reads = reader(ColumnsScope(columns))
    try:
        return reads.value(parse_predicate(text)), reads.found
    except RecursionError:
        raise Fault("CH406", "The expression is nested too deep.") from None


def check_expression(
    text: str, columns: Mapping[str, Type], place: Place, declared: Type | None = None
) -> exp.Expression:
    """The checked expression of a derived column or a ``sql`` mask, over bare quoted columns.

    Raises `LoadErrors`: not allowed, not total, unknown names; CH419 where it does not give the ``declared`` type.
    """
    try:
        term, _ = read_expression(text, columns)
        return term.sql if declared is None else as_declared(term, declared).sql
    except Fault as fault:
        raise LoadErrors([fault.at(place)]) from None


def as_declared(term: Term, declared: Type) -> Term:
    """The term, known to fit the declared type. Raises `Fault` CH419."""
    adapted = adapt(term, declared)
    if not fits(adapted, declared):
        raise Fault("CH419", f"The expression gives {term.type}, but the column is declared {declared}.", _wider(term))
    return adapted


def _wider(term: Term) -> str:
    return f"Declare the column as {term.type}."

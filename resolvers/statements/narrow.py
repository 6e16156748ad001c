"""Narrow: a large table that is joined with a small one across sources is asked for the small one's keys only.

Where the catalog declares that a pulled relation has many rows (`LARGE`), and an equality that all of its rows in the
answer fulfil compares one of its columns with another relation, its statement is kept in two forms: whole, and with one
list bind. When the other parts are there, and hold few different keys, the second runs. The keys are governed values
after the caller's filters, and they are compared with governed values.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from policies.sql.govern import GovernedStatement
from resolvers.backends.dialect import Dialect, Statement
from resolvers.backends.free import mark_free
from resolvers.statements.keyed_plan import over, restricting
from schema.catalog import Product
from schema.errors import Refusal
from schema.query import Slot
from schema.types import Kind

LARGE = 20_000
MOST = 5_000
_KINDS = frozenset({Kind.STRING, Kind.INTEGER, Kind.BIGINT, Kind.DATE, Kind.UUID})
"""Kinds whose values are the same in every engine."""


@dataclass(frozen=True, slots=True)
class Narrowed:
    """``keys`` asks the parts for the values that ``slot`` binds in ``statement``, at most `MOST`."""

    keys: Statement
    statement: Statement
    slot: Slot


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pulled relation that may be narrowed: its name, alias and SELECT in the statement, and what is pulled."""

    name: str
    product: Product
    alias: str
    query: exp.Query
    select: exp.Select


def narrowed(
    candidate: Candidate,
    later: frozenset[str],
    tree: exp.Query,
    governed: GovernedStatement,
    mixing: Dialect,
) -> tuple[exp.Select, Slot, Statement] | None:
    """The SELECT with the list, its slot, and the statement for the keys; None where nothing narrows it."""
    found = _link(candidate, later)
    if found is None:
        return None
    column, other = found
    slot = Slot(f"narrow:{candidate.name}", candidate.product.columns[column.name].type, "keys", many=True)
    items = [exp.alias_(other.copy(), "k0", quoted=True)]
    try:
        keys = over(exp.Select(expressions=items, distinct=exp.Distinct()), candidate.query, later, tree)
    except Refusal:
        return None
    mark_free(keys)
    listed = exp.Anonymous(this="CH_IN", expressions=[column.copy(), exp.Placeholder(this=slot.name)])
    select = candidate.select.where(listed, copy=True)
    return select, slot, mixing.render(keys, dict(governed.slots))


def _link(candidate: Candidate, later: frozenset[str]) -> tuple[exp.Column, exp.Column] | None:
    """A column of the relation, and the column that it equals."""
    for condition in restricting(candidate.query, candidate.alias):
        if not isinstance(condition, exp.EQ):
            continue
        for one, other in ((condition.left, condition.right), (condition.right, condition.left)):
            if not isinstance(one, exp.Column) or not isinstance(other, exp.Column) or one.table != candidate.alias:
                continue
            known = candidate.product.columns.get(one.name)
            if known is not None and known.type.kind in _KINDS and other.table not in later:
                return one, other
    return None

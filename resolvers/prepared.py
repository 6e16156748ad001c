"""Prepared: what is made of a question before it runs, and kept for the next one like it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlglot import exp

from policies.account import Account
from resolvers.bind import Request
from resolvers.counted import Counted
from resolvers.encode import Encoder
from resolvers.frontends.graphql.frontend import Asked
from resolvers.run import Access
from resolvers.steps import Lookup, Plan, steps_of
from schema.query import LogicalQuery, Slot


@dataclass(frozen=True, slots=True)
class Compiled:
    """A logical query with what looking its plans up needs. ``pages``: the binds that say how long its lists are."""

    query: LogicalQuery
    products: frozenset[str]
    pages: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan with its compiled encoder and, by block, how its statements are asked. ``looked_up``: by product that is
    found by key, the columns that are asked of it. ``account`` tells what was decided, ``counted`` counts the rows of
    answers, for whoever wants to know."""

    plan: Plan
    encoder: Encoder
    accesses: Mapping[str, Access]
    looked_up: Mapping[str, tuple[str, ...]]
    alike: bool  # the answer says the same to whoever gets the same rows
    masked: tuple[tuple[str, int], ...]  # columns that a mask stands before, by product
    account: Account
    counted: Counted

    def texts(self) -> Iterator[str]:
        """What tells this plan apart from others: its statements, and what it looks up."""
        plan = self.plan
        for step in steps_of((*plan.steps, *(gather.fetch for gather in plan.gathers))):
            yield f"{step.source}\0{','.join(step.columns) if isinstance(step, Lookup) else step.statement.text}"


class Prepared(NamedTuple):
    """An operation ready to run for one caller. ``cost`` is what it was estimated to cost."""

    ready: Ready
    request: Request
    timings: dict[str, float]
    document: Asked
    cost: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands ready for a text whose variables decide nothing: only their values are left to be read."""

    document: Asked
    ready: Ready
    cost: int | None  # where no variable decides it


def pages(query: LogicalQuery) -> tuple[Slot, ...]:
    """The binds that a root list's LIMIT takes from the variables."""
    found = [block.select.args["limit"] for block in query.blocks if block.select.args.get("limit") is not None]
    names = [node.name for limit in found for node in limit.find_all(exp.Placeholder)]
    return tuple(query.slots[name] for name in names if query.slots[name].origin == "variable")

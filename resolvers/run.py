"""Run: the steps of a plan against their sources, roots side by side, what lies below a cut as soon as its parents are
there, and what was to be gathered before any of it.

Rows below a cut are stitched to their parents by their link values, so a page of N parents costs one statement, or one
look-up of as many keys. Where a single related object fails, it is null with an error and the rest stands; whatever
else fails, fails for its root alone, and the others answer.

Does not promise: one snapshot across statements (docs/architecture.md).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import orjson

from resolvers.backends.backend import Backend, Bounds, Deadline
from resolvers.backends.failures import too_many_candidates, too_many_rows
from resolvers.bind import Request
from resolvers.binders import Bind, Keys
from resolvers.followed import FOLLOWED, NOBODY, Told, products_of
from resolvers.gathered import Gathered, gathered_lists
from resolvers.listed import aligned
from resolvers.lookups.run import Lookups
from resolvers.natural import natural
from resolvers.observe import SILENT, Observer
from resolvers.results.key import StatementKey
from resolvers.results.results import Fresh, Results
from resolvers.steps import Fetch, Gather, Lookup, Plan, Step
from schema.errors import Refusal

Row = list[object]
Rows = list[Row]


class Ran(NamedTuple):
    """The rows of each root block, or why there are none. ``failures`` by block: of roots, and of single objects below
    them, whose place in their parents' rows holds None. ``fresh``: until when all of it may be used again, on the
    monotonic clock; the past: not at all. ``given``: how many rows there were in all."""

    rows: Mapping[str, Rows]
    failures: Mapping[str, Refusal]
    fresh: float = -math.inf
    given: int = 0


@dataclass(frozen=True, slots=True)
class Access:
    """How one statement is asked: its binder, and the key of its results where they are shared."""

    bind: Bind
    key: StatementKey | None = None


@dataclass(frozen=True, slots=True)
class Means:
    """What an engine runs plans with. ``results`` None shares nothing."""

    backends: Mapping[str, Backend]
    bounds: Bounds
    results: Results | None = None
    observer: Observer = SILENT
    log: Callable[[Done], None] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What one step did: for whoever explains a plan that ran. ``calls`` of a source, none where all was known."""

    block: str
    rows: int
    seconds: float
    calls: int = 1


async def run(
    plan: Plan,
    accesses: Mapping[str, Access],
    request: Request,
    means: Means,
    deadline: Deadline,
    lookups: Lookups | None = None,
) -> Ran:
    """Run a plan; ``accesses`` by the name of a fetch's block; ``lookups`` where the plan has any. Raises nothing for a
    source that fails: the failure stands beside the other roots' rows."""
    runner = _Runner(plan, accesses, request, means, deadline, lookups)
    if not plan.gathers:
        return await _ran(plan, runner)
    try:
        return await _ran(plan, runner)
    finally:
        runner.close()


async def _ran(plan: Plan, runner: _Runner) -> Ran:
    if len(plan.steps) == 1:
        name = plan.steps[0].block.name
        try:
            return Ran({name: await runner.root(plan.steps[0])}, runner.failures, runner.fresh.until, runner.count)
        except Refusal as refusal:
            return Ran({}, {name: refusal})
    rows: dict[str, Rows] = {}

    async def one(step: Step) -> None:
        try:
            rows[step.block.name] = await runner.root(step)
        except Refusal as refusal:
            runner.failures[step.block.name] = refusal

    async with asyncio.TaskGroup() as group:
        for step in plan.steps[1:]:
            group.create_task(one(step))
        if plan.steps:
            await one(plan.steps[0])
    return Ran(rows, runner.failures, runner.fresh.until, runner.count)


class _Runner:
    """One run: counts the rows of the whole answer against the bounds."""

    def __init__(
        self,
        plan: Plan,
        accesses: Mapping[str, Access],
        request: Request,
        means: Means,
        deadline: Deadline,
        lookups: Lookups | None,
    ) -> None:
        self._plan, self._accesses, self._request, self._means = plan, accesses, request, means
        self._deadline, self._most, self._lookups = deadline, means.bounds.rows, lookups
        self.count = 0
        self.fresh = Fresh() if lookups is None else Fresh(-math.inf)
        self.failures: dict[str, Refusal] = {}
        # Only where there is something to gather: it holds this object, which then waits for the garbage collector.
        self._gathering = Gathered(plan, self._gather) if plan.gathers else None
        if self._gathering is not None:
            self._request = request._replace(gathered=self._gathering.values)

    def close(self) -> None:
        """End what nobody waits for any more."""
        if self._gathering is not None:
            self._gathering.close()

    async def root(self, step: Step) -> Rows:
        if self._gathering is not None:
            await self._gathering.before(step)
        if isinstance(step, Lookup):
            return await self._asked(step)
        rows = await self._fetch(step, {})
        if step.block.reverse:
            rows = rows[::-1]  # not in place: others may hold them too
        if step.listed:
            rows = aligned(step, rows, self._request)
        if step.below:
            await self._below(step, {step.block.name: rows})
        return rows

    async def _gather(self, gather: Gather) -> None:
        """The rows to look at, with what they lead to, and of those what is bound."""
        if self._gathering is None:
            raise RuntimeError("the plan gathers nothing")
        fetch, name = gather.fetch, gather.gathering.name
        rows = await self._fetch(fetch, {})
        if len(rows) > gather.most:
            raise too_many_candidates(gather.most)
        if fetch.below:
            await self._below(fetch, {fetch.block.name: rows}, strictly=True)
        for list_, values in gathered_lists(gather, self._plan.layouts, rows, self._request).items():
            self._gathering.values[name, list_] = values

    async def _asked(self, lookup: Lookup) -> Rows:
        """The rows of a root that asks by key: one for each key, or for a single one a list of one or none."""
        if self._lookups is None:
            raise RuntimeError("the plan has lookups, but nothing was given to do them with")
        started = time.perf_counter()
        found, calls = await self._lookups.asked(lookup, self._request)
        self._count(len(found))
        self._done(lookup.block.name, len(found), started, calls)
        return found if lookup.block.listed else [row for row in found if row is not None]  # type: ignore[return-value]

    def _count(self, rows: int) -> None:
        self.count += rows
        if self.count > self._most:
            raise too_many_rows(self._most)

    def _done(self, block: str, rows: int, started: float, calls: int = 1) -> None:
        if self._means.log is not None:
            self._means.log(Done(block, rows, time.perf_counter() - started, calls))

    async def _fetch(self, fetch: Fetch, keys: Keys) -> Rows:
        access, results, started = self._accesses[fetch.block.name], self._means.results, time.perf_counter()
        bound = access.bind(self._request, keys)
        if results is None or access.key is None:
            self.fresh.until = -math.inf
            found: Sequence[Sequence[object]] = await self._ask(fetch, bound)
        else:
            ask = self._ask if fetch.freshness is None else self._ask_to_keep
            run, until = (lambda: ask(fetch, bound)), self._deadline
            found = await results.rows(access.key, bound, fetch.freshness, run, until, self.fresh)
        count = _count(fetch, found)
        self._count(count)
        self._done(fetch.block.name, count, started)
        if not fetch.parsed and not fetch.below:
            return found  # type: ignore[return-value]  # nothing is put into these rows: others may have them too
        rows = [list(row) for row in found]
        for at in fetch.parsed:
            for row in rows:
                row[at] = None if row[at] is None else orjson.loads(row[at])  # type: ignore[arg-type]  # JSON text
        return rows

    async def _ask(self, fetch: Fetch, bound: list[object]) -> list[tuple[object, ...]]:
        observer, started = self._means.observer, time.perf_counter()
        followed = FOLLOWED.get()
        told = (
            None
            if followed is None
            else Told(followed.asks(fetch.source, partial(products_of, fetch.block), fetch.statement))
        )
        try:
            with told or NOBODY:
                rows = await self._means.backends[fetch.source].fetch(
                    fetch.statement, bound, self._deadline, self._means.bounds
                )
        except Refusal as refusal:
            observer.source_error(fetch.source, refusal.code)
            raise
        finally:
            observer.source(fetch.source, time.perf_counter() - started)
        if told is not None:
            told.gave(_count(fetch, rows))
        return rows

    async def _ask_to_keep(self, fetch: Fetch, bound: list[object]) -> list[tuple[object, ...]]:
        """The same as plain values: what drivers give may be more than its values, and cannot be kept."""
        rows = await self._ask(fetch, bound)
        return [tuple([value.decode() if isinstance(value, bytes) else value for value in row]) for row in rows]

    async def _below(self, fetch: Fetch, rows: dict[str, Rows], strictly: bool = False) -> None:
        """The steps below a fetch, side by side but for those that need another's rows. ``strictly``: whatever fails,
        fails the whole."""
        self._collect(fetch, rows)
        for child in fetch.below:
            for parent in rows[child.parent or ""]:
                parent.append([])
        tasks: dict[str, asyncio.Task[None]] = {}

        async def one(child: Step) -> None:
            parents = rows[child.parent or ""]
            try:
                await self._step(child, parents, tasks)
            except Refusal as refusal:
                if strictly or not child.block.one or child.block.aggregate:
                    raise
                self.failures.setdefault(child.block.name, refusal)
                at = self._plan.layouts[child.parent or ""].children[child.block.name]
                for parent in parents:
                    parent[at] = None

        try:
            async with asyncio.TaskGroup() as children:
                for child in in_order(fetch.below):
                    tasks[child.block.name] = children.create_task(one(child))
        except ExceptionGroup as group:
            refused, others = group.split(Refusal)
            if refused is None or others is not None:
                raise
            raise _first(refused) from None

    def _collect(self, fetch: Fetch, rows: dict[str, Rows]) -> None:
        """The rows of the blocks inside this fetch's statement, all parents' together."""
        waiting = [fetch.block]
        while waiting:
            block = waiting.pop()
            layout = self._plan.layouts[block.name]
            for child in block.children:
                if child.name not in layout.links and child.name not in layout.finished:
                    at = layout.children[child.name]
                    rows[child.name] = [row for parent in rows[block.name] for row in rows_at(parent, at)]
                    waiting.append(child)

    async def _step(self, child: Step, parents: Rows, tasks: Mapping[str, asyncio.Task[None]]) -> None:
        if isinstance(child, Fetch):
            return await self._child(child, parents)
        for name in child.needs:
            await tasks[name]
        fed = {name for part in child.parts if part is not None for name in part.path} & self.failures.keys()
        if fed:
            raise self.failures[min(fed)]  # what was not to be had is not the same as what is not there
        return await self._lookup(child, parents)

    async def _lookup(self, lookup: Lookup, parents: Rows) -> None:
        if self._lookups is None:
            raise RuntimeError("the plan has lookups, but nothing was given to do them with")
        started = time.perf_counter()
        at = self._plan.layouts[lookup.parent or ""].children[lookup.block.name]
        found, calls = await self._lookups.below(lookup, parents)
        for parent, row in zip(parents, found, strict=True):
            parent[at] = [] if row is None else [row]
        self._done(lookup.block.name, sum(row is not None for row in found), started, calls)

    async def _child(self, fetch: Fetch, parents: Rows) -> None:
        layout = self._plan.layouts[fetch.parent or ""]
        links = layout.links[fetch.block.name]
        wanted = {key for parent in parents if None not in (key := tuple(parent[at] for at in links))}
        rows: Rows = []
        if wanted:
            ordered = sorted(wanted, key=repr)
            keys = {
                slot.name: list(dict.fromkeys(natural(key[index], slot.type) for key in ordered))
                for index, slot in enumerate(fetch.keys)
            }
            rows = await self._fetch(fetch, keys)
        _stitch(parents, links, layout.children[fetch.block.name], rows, self._plan.layouts[fetch.block.name].keys)
        if fetch.below:
            await self._below(fetch, {fetch.block.name: rows})


def _count(fetch: Fetch, rows: Sequence[Sequence[object]]) -> int:
    return int(str(rows[0][1])) if fetch.form == "array" else len(rows)


def _first(group: ExceptionGroup[Refusal]) -> Refusal:
    """One of the refusals of a root's children: a root has one error."""
    found = group.exceptions[0]
    return found if isinstance(found, Refusal) else _first(found)


def in_order(steps: tuple[Step, ...]) -> list[Step]:
    """Those that need others after them."""
    found: list[Step] = []
    left = list(steps)
    while left:
        there = {step.block.name for step in found}
        ready = [step for step in left if isinstance(step, Fetch) or step.needs <= there]
        if not ready:
            raise RuntimeError("steps wait for each other")
        found += ready
        left = [step for step in left if step not in ready]
    return found


def rows_at(row: Row, at: int) -> Rows:
    """The rows of a child, at its place in its parent's row."""
    found: Rows = row[at]  # type: ignore[assignment]  # a Layout's child position holds rows
    return found


def _stitch(parents: Rows, links: tuple[int, ...], at: int, rows: Rows, keys: tuple[int, ...]) -> None:
    """Put into each parent, at its place, the list of its rows."""
    by_key: dict[tuple[object, ...], Rows] = {}
    for row in rows:
        by_key.setdefault(tuple(row[key] for key in keys), []).append(row)
    for parent in parents:
        parent[at] = by_key.get(tuple(parent[link] for link in links), [])

"""Run: the statements of a plan against their sources, roots side by side, cut children as soon as their parents are
there.

Rows below a cut are stitched to their parents by their link values, so a page of N parents costs one statement. What
fails, fails for its root alone; the others answer.

Does not promise: one snapshot across statements (docs/architecture.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from resolvers.backends.backend import Backend, Bounds, Deadline
from resolvers.backends.failures import too_many_rows
from resolvers.bind import Request
from resolvers.binders import Bind, Keys
from resolvers.natural import natural
from resolvers.observe import SILENT, Observer
from resolvers.plan import Fetch, Plan
from resolvers.results.key import StatementKey
from resolvers.results.results import Results
from schema.errors import Refusal

Row = list[object]
Rows = list[Row]


class Ran(NamedTuple):
    """The rows of each root block, or why there are none."""

    rows: Mapping[str, Rows]
    failures: Mapping[str, Refusal]


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


async def run(plan: Plan, accesses: Mapping[str, Access], request: Request, means: Means, deadline: Deadline) -> Ran:
    """Run a plan; ``accesses`` by the name of a fetch's block. Raises nothing for a source that fails: the failure
    stands beside the other roots' rows."""
    runner = _Runner(plan, accesses, request, means, deadline)
    if len(plan.fetches) == 1:
        name = plan.fetches[0].block.name
        try:
            return Ran({name: await runner.root(plan.fetches[0])}, {})
        except Refusal as refusal:
            return Ran({}, {name: refusal})
    rows: dict[str, Rows] = {}
    failures: dict[str, Refusal] = {}

    async def one(fetch: Fetch) -> None:
        try:
            rows[fetch.block.name] = await runner.root(fetch)
        except Refusal as refusal:
            failures[fetch.block.name] = refusal

    async with asyncio.TaskGroup() as group:
        for fetch in plan.fetches[1:]:
            group.create_task(one(fetch))
        if plan.fetches:
            await one(plan.fetches[0])
    return Ran(rows, failures)


class _Runner:
    """One run: counts the rows of the whole answer against the bounds."""

    def __init__(
        self, plan: Plan, accesses: Mapping[str, Access], request: Request, means: Means, deadline: Deadline
    ) -> None:
        self._plan, self._accesses, self._request, self._means = plan, accesses, request, means
        self._deadline, self._most = deadline, means.bounds.rows
        self._rows = 0

    async def root(self, fetch: Fetch) -> Rows:
        rows = await self._fetch(fetch, {})
        if fetch.block.reverse:
            rows = rows[::-1]  # not in place: others may hold them too
        if fetch.below:
            await self._below(fetch, {fetch.block.name: rows})
        return rows

    async def _fetch(self, fetch: Fetch, keys: Keys) -> Rows:
        access, results = self._accesses[fetch.block.name], self._means.results
        bound = access.bind(self._request, keys)
        if results is None or access.key is None:
            found: Sequence[Sequence[object]] = await self._ask(fetch, bound)
        else:
            ask = self._ask if fetch.freshness is None else self._ask_to_keep
            found = await results.rows(access.key, bound, fetch.freshness, lambda: ask(fetch, bound), self._deadline)
        self._rows += int(str(found[0][1])) if fetch.form == "array" else len(found)
        if self._rows > self._most:
            raise too_many_rows(self._most)
        if not fetch.parsed and not fetch.below:
            return found  # type: ignore[return-value]  # nothing is put into these rows: others may have them too
        rows = [list(row) for row in found]
        for at in fetch.parsed:
            for row in rows:
                row[at] = None if row[at] is None else orjson.loads(row[at])  # type: ignore[arg-type]  # JSON text
        return rows

    async def _ask(self, fetch: Fetch, bound: list[object]) -> list[tuple[object, ...]]:
        observer, started = self._means.observer, time.perf_counter()
        try:
            return await self._means.backends[fetch.source].fetch(
                fetch.statement, bound, self._deadline, self._means.bounds
            )
        except Refusal as refusal:
            observer.source_error(fetch.source, refusal.code)
            raise
        finally:
            observer.source(fetch.source, time.perf_counter() - started)

    async def _ask_to_keep(self, fetch: Fetch, bound: list[object]) -> list[tuple[object, ...]]:
        """The same as plain values: what drivers give may be more than its values, and cannot be kept."""
        rows = await self._ask(fetch, bound)
        return [tuple([value.decode() if isinstance(value, bytes) else value for value in row]) for row in rows]

    async def _below(self, fetch: Fetch, rows: dict[str, Rows]) -> None:
        """Fetch the cut children of whatever blocks this fetch brought, side by side."""
        self._collect(fetch, rows)
        for child in fetch.below:
            for parent in rows[child.parent or ""]:
                parent.append([])
        try:
            async with asyncio.TaskGroup() as children:
                for child in fetch.below:
                    children.create_task(self._child(child, rows[child.parent or ""]))
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


def _first(group: ExceptionGroup[Refusal]) -> Refusal:
    """One of the refusals of a root's children: a root has one error."""
    found = group.exceptions[0]
    return found if isinstance(found, Refusal) else _first(found)


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

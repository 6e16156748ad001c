"""Statements: everything between a SQL text and a stream of governed rows. The whole way on one screen is `answer`.

One of them serves one zone with one version of catalog and policies, beside the engine for GraphQL, whose sights,
entitlements and sources it shares. Policy happens in `_governed`, nowhere else.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import NamedTuple

from policies.account import Account
from policies.condition import Moment
from policies.decide import masked_columns
from policies.govern import GuardTuple, Secrets, needed_products, row_functions
from policies.rules import PolicySet
from policies.sql.govern import GovernedStatement, govern_statement
from resolvers.backends.asked import asking
from resolvers.backends.backend import Backend, Deadline
from resolvers.backends.caps import Caps
from resolvers.backends.duckdb_dialect import DuckDBDialect
from resolvers.backends.stream import ArrowStream
from resolvers.bind import Request
from resolvers.cache import Bounded
from resolvers.entitlements import Entitlements
from resolvers.followed import FOLLOWED
from resolvers.frontends.sql.frontend import compile_sql
from resolvers.frontends.sql.parameters import Parameter, values_of
from resolvers.lookups.calls import Calls
from resolvers.lookups.find import Found, Sources
from resolvers.observe import Observer
from resolvers.operation import Before
from resolvers.seal import Sealer
from resolvers.sights import Guards, Sight, Sights
from resolvers.statements.admission import Admission
from resolvers.statements.cost import check_cost
from resolvers.statements.keyed_plan import FoundByKey
from resolvers.statements.keyed_rows import rows_by_key
from resolvers.statements.plan import StatementPlan, plan_statement
from resolvers.statements.run import Lookup, Renamed, run_statement
from resolvers.statements.virtual import Virtual
from schema.caller import Caller
from schema.catalog import Catalog
from schema.statement import Dialect, LogicalStatement
from schema.types import Type

PLANS = 500
MIXING_MEMORY = "512MB"


class Asked(NamedTuple):
    """A statement as it was asked: text, dialect, parameters by name. ``within``: the seconds it may take, where that
    is less than the zone allows."""

    text: str
    dialect: Dialect = "postgres"
    parameters: Mapping[str, Parameter] = {}
    request_id: str = ""
    within: float = math.inf


@dataclass(frozen=True, slots=True)
class Ready:
    """A planned statement. ``account`` tells an auditor what was decided."""

    logical: LogicalStatement
    governed: GovernedStatement
    plan: StatementPlan
    masked: tuple[tuple[str, int], ...]
    account: Account

    def texts(self) -> Iterator[str]:
        """What tells this plan apart from others: its statements, and what it looks up."""
        plan = self.plan
        yield f"{plan.source}\0{plan.statement.text}"
        yield from (f"{part.source}\0{part.statement.text}" for part in plan.pulled)
        yield from (f"{part.product}\0{','.join(part.columns)}" for part in plan.found)


@dataclass(frozen=True, slots=True)
class Result:
    """Rows on their way. ``types`` are those that are known before the engine says its own, by position. ``stream``
    must be closed. ``timings`` are milliseconds by stage, ``products`` those that the statement names."""

    names: tuple[str, ...]
    types: tuple[Type | None, ...]
    stream: ArrowStream
    normal: str
    timings: Mapping[str, float]
    products: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class House:
    """What the engine for GraphQL has, and statements share."""

    catalog: Catalog
    policies: PolicySet
    zone: str
    backends: Mapping[str, Backend]
    keys: Mapping[str, bytes]
    sights: Sights
    entitlements: Entitlements
    moment: Callable[[], Moment]
    clock: Callable[[], float]
    compiler: Executor
    sources: Sources
    observer: Observer


class Statements:
    """Answers statements for one zone."""

    def __init__(self, house: House) -> None:
        self._house, self.zone = house, house.catalog.zones[house.zone]
        self._dialects = {name: backend.dialect for name, backend in house.backends.items()}
        self._mixing = DuckDBDialect()
        self._logical: Bounded[LogicalStatement] = Bounded(PLANS)
        self._plans: Bounded[Ready] = Bounded(PLANS)
        self._admission = Admission(self.zone.sql.statements, self.zone.sql.statements_per_caller)

    async def answer(self, asked: Asked, caller: Caller, before: Before | None = None) -> Result:
        """The rows of a statement for a caller. Raises `Refusal`, also while the rows are read."""
        house, loop = self._house, asyncio.get_running_loop()
        deadline = self.deadline(caller, asked.within)
        asking(asked.request_id, caller.subject, house.keys["seal"])
        with self._admission.enter(caller.digest) as admitted:
            started = time.perf_counter()
            sight, ready = await loop.run_in_executor(house.compiler, self.prepare, asked, caller)
            planned = time.perf_counter()
            if before is not None:
                await before(ready.account, 0)
            followed = FOLLOWED.get()
            if followed is not None:
                followed.runs(ready.logical.products, ready.texts)
            if ready.masked:
                house.observer.masked(ready.masked)
            request = await self._request(ready, asked, caller, deadline)
            caps = Caps(self.zone.sql.joined_rows, self.zone.sql.joined_bytes, MIXING_MEMORY)
            virtual = Virtual(house.catalog, sight.visible)
            found = Found(house.sources, Calls(house.catalog.sources, caller, deadline, asked.request_id))
            lookup = Lookup(self.zone.max_candidates, self._lookup(ready, found, request, caller))
            try:
                stream = await run_statement(
                    ready.plan, request, house.backends, virtual, deadline, caps, lookup, house.observer
                )
            finally:
                found.close()
            timings = {"compile": (planned - started) * 1000, "run": (time.perf_counter() - planned) * 1000}
            names = tuple(output.name for output in ready.logical.outputs)
            types = tuple(output.type for output in ready.logical.outputs)
            kept = admitted.keep(Renamed(stream, names))
            return Result(names, types, kept, ready.logical.normal, timings, ready.logical.products)

    def _lookup(
        self, ready: Ready, found: Found, request: Request, caller: Caller
    ) -> Callable[[FoundByKey, list[tuple[object, ...]] | None], Awaitable[ArrowStream]]:
        """What finds and governs the rows of a part by key."""
        house = self._house
        asked: dict[str, set[str]] = {}
        for part in ready.plan.found:
            asked.setdefault(part.product, set()).update(part.columns)
        secrets = Secrets(house.keys, request.entitlements)
        see = row_functions(asked, caller, house.moment(), secrets, house.policies, house.catalog) if asked else {}
        most = self.zone.max_candidates

        async def rows(part: FoundByKey, keys: list[tuple[object, ...]] | None) -> ArrowStream:
            return await rows_by_key(part, keys, most, found, see[part.product], house.catalog)

        return rows

    def deadline(self, caller: Caller, within: float = math.inf) -> Deadline:
        """When the last row must have been read: never later than the token's expiry."""
        return Deadline.after(min(self.zone.sql.timeout, within, caller.expires - self._house.clock()))

    def prepare(self, asked: Asked, caller: Caller) -> tuple[Sight, Ready]:
        """Compile, govern, plan; whatever is missing is made."""
        sight = self._house.sights.of(caller)
        signature = tuple((one.name, one.type, one.many) for one in asked.parameters.values())
        key = (asked.text, asked.dialect, signature, sight.visible.digest)
        logical = self._logical.get(key, lambda: self._compiled(asked, sight))
        products = needed_products(logical.products, self._house.policies, self._house.catalog)
        guards = self._house.sights.guards(sight, caller, products)
        return sight, self._plans.get((key, guards.number), lambda: self._ready(logical, caller, guards))

    def _compiled(self, asked: Asked, sight: Sight) -> LogicalStatement:
        logical = compile_sql(asked.text, asked.dialect, asked.parameters, self._house.catalog, sight.visible)
        check_cost(logical, self._house.catalog, sight.visible, self.zone.sql)
        return logical

    def _ready(self, logical: LogicalStatement, caller: Caller, guards: Guards) -> Ready:
        governed = self._governed(logical, caller, guards.tuple)
        house = self._house
        plan = plan_statement(governed, house.catalog, self._dialects, self._mixing)
        account = Account(governed, guards.tuple, house.policies, house.catalog, self.zone.name)
        return Ready(logical, governed, plan, masked_columns(governed.decisions), account)

    def _governed(self, logical: LogicalStatement, caller: Caller, guards: GuardTuple) -> GovernedStatement:
        return govern_statement(logical, caller, guards, self._house.policies, self._house.catalog)

    async def _request(self, ready: Ready, asked: Asked, caller: Caller, deadline: Deadline) -> Request:
        house, governed = self._house, ready.governed
        sealer = Sealer(house.keys["seal"], (self.zone.name, caller.digest, "sql"))
        given = values_of(ready.logical.slots, asked.parameters)
        minute = house.moment().minute
        request = Request(caller, governed.slots, given, sealer, house.keys, minute, self.zone.region)
        if not governed.entitlements:
            return request
        found = await house.entitlements.resolve(governed.entitlements, request, deadline)
        return request._replace(entitlements=found)

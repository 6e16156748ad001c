"""The engine: everything between an operation and response bytes. The whole request on one screen is `Engine.answer`.

One engine serves one zone with one version of catalog and policies; a reload makes another and swaps it in. Policy
happens in `_governed`, nowhere else.

What a question needs is looked up by what it was made from: the caller's sight (`sights`), the document, the shape of
its variables, the guards. Where something is missing, it is made in a thread of its own, one question at a time, so
that a new query makes nobody else wait for more than the thread's turn.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from policies.account import Account
from policies.condition import Moment
from policies.decide import masked_columns
from policies.govern import GovernedQuery, GuardTuple, Secrets, govern, prerequisites, row_functions
from policies.rowwise import See
from policies.rules import PolicySet
from resolvers.alike import alike
from resolvers.backends.asked import asking
from resolvers.backends.backend import Bounds, Deadline
from resolvers.backends.opened import Opened, of_keys, of_sql
from resolvers.bind import Request, check_limits
from resolvers.binders import binder
from resolvers.cache import Bounded
from resolvers.counted import Counted
from resolvers.encode import encoder
from resolvers.entitlements import Entitlements
from resolvers.followed import FOLLOWED
from resolvers.frontends.graphql.cost import Estimate, too_costly
from resolvers.frontends.graphql.frontend import Asked, GraphQLFrontEnd, Inlined
from resolvers.lookups.calls import Calls
from resolvers.lookups.find import Found, Sources
from resolvers.lookups.kept import KeptRows
from resolvers.lookups.run import Lookups
from resolvers.observe import SILENT, Observer
from resolvers.operation import Answer, Before, Operation
from resolvers.plan import MANY, plan
from resolvers.prepared import Compiled, Prepared, Ready, Standing, pages
from resolvers.results.kept import Kept
from resolvers.run import Access, Done, Means, Ran, run
from resolvers.seal import Sealer
from resolvers.sights import Guards, Sight, Sights
from resolvers.steps import Fetch, Lookup, steps_of
from resolvers.written import measured, with_costs, written
from schema.caller import Caller
from schema.catalog import Catalog
from schema.errors import Refusal, Refusals
from schema.query import LogicalQuery, Slot
from schema.types import STRING, TIMESTAMP
from schema.visible import VisibleSet

if TYPE_CHECKING:
    from resolvers.statements.engine import Statements

PLANS, TEXTS = 500, 2_000


class Engine:
    """``sources`` by name; ``keys`` are the zone's mask keys and its ``seal`` key."""

    def __init__(
        self,
        catalog: Catalog,
        policies: PolicySet,
        zone: str,
        sources: Mapping[str, Opened],
        keys: Mapping[str, bytes],
        clock: Callable[[], float] = time.time,
        observer: Observer = SILENT,
        kept: Kept | None = None,
    ) -> None:
        self.catalog, self.policies, self.zone = catalog, policies, catalog.zones[zone]
        self.backends = backends = of_sql(sources)
        self._keys, self._clock = keys, clock
        self._dialects = {name: backend.dialect for name, backend in backends.items()}
        capabilities = {name: dialect.capabilities for name, dialect in self._dialects.items()}
        self.frontend = GraphQLFrontEnd(catalog, zone, capabilities)
        self._plans: Bounded[Ready] = Bounded(PLANS)
        self._standing: Bounded[Standing] = Bounded(TEXTS)
        self._logical: Bounded[Compiled] = Bounded(PLANS)
        self._valid: Bounded[bool] = Bounded(TEXTS)
        self._sights = Sights(policies, catalog, zone, self.moment)
        self._entitlements = Entitlements(policies.entitlements, backends, self._policy_slot)
        self._observer, self._kept = observer, kept
        bounds = Bounds(self.zone.max_rows, self.zone.max_answer_bytes)
        self._means = Means(backends, bounds, kept.results if kept is not None else None, observer)
        if kept is not None:
            kept.results.prepare(catalog)
        self.kept_rows = KeptRows()
        identities = kept.identities if kept is not None else {}
        self._sources = Sources(catalog, of_keys(sources), observer, self.kept_rows, identities)
        self._compiler = ThreadPoolExecutor(1, f"compile-{zone}")
        if self.zone.sql.enabled:
            _ = self.statements

    @cached_property
    def statements(self) -> Statements:
        """What answers SQL. Made at once where the zone answers any; else not even its front end is imported."""
        from resolvers.statements.engine import House, Statements

        return Statements(
            House(
                self.catalog,
                self.policies,
                self.zone.name,
                self.backends,
                self._keys,
                self._sights,
                self._entitlements,
                self.moment,
                self._clock,
                self._compiler,
                self._sources,
                self._observer,
            )
        )

    async def answer(self, operation: Operation, caller: Caller, before: Before | None = None) -> Answer:
        """Everything between a parsed request and response bytes. Raises `Refusal` or `Refusals` for a request that is
        not answered at all; a source that fails leaves nulls and errors in the answer."""
        prepared = self._known(operation, caller)
        if prepared is not None:
            self._observer.plan_hit()
        else:
            prepared = await asyncio.get_running_loop().run_in_executor(self._compiler, self.prepare, operation, caller)
            self._observer.plan_miss(len(self._plans))
        if before is not None:
            await before(prepared.ready.account, prepared.cost)
        deadline = Deadline.after(min(self.zone.timeout, operation.within, caller.expires - self._clock()))
        ready, request, timings = prepared.ready, prepared.request, prepared.timings
        started = time.perf_counter()
        asking(operation.request_id, caller.subject, self._keys["seal"])
        followed = FOLLOWED.get()
        if followed is not None:
            followed.runs(ready.plan.query.logical.products, ready.texts)
        if ready.masked:
            self._observer.masked(ready.masked)
        if ready.plan.query.entitlements:
            request = await self._entitled(ready.plan.query, request, deadline)
        ran = await self._run(ready, request, caller, deadline, operation.request_id)
        ended = time.perf_counter()
        timings["run"] = (ended - started) * 1000
        answer = written(prepared, ran, request, self.zone)
        if operation.costs:
            answer = await with_costs(prepared, answer)
        if operation.measured:
            answer = measured(prepared, answer)
        timings["encode"] = _since(ended)
        left = ran.fresh - time.monotonic()
        if 0 < left < math.inf and not (ran.failures or ready.plan.query.entitlements or operation.costs):
            answer = answer._replace(fresh=left)
        return answer if before is None else answer._replace(rows=ready.counted.rows(ran.rows, request))

    async def trace(self, operation: Operation, caller: Caller) -> list[Done]:
        """Answer, and give what each step did instead of the answer. Nothing is shared or taken from what is kept."""
        prepared, done = self.prepare(operation, caller), list[Done]()
        deadline, request = Deadline.after(self.zone.timeout), prepared.request
        asking(operation.request_id, caller.subject, self._keys["seal"])
        if prepared.ready.plan.query.entitlements:
            request = await self._entitled(prepared.ready.plan.query, request, deadline)
        means = replace(self._means, results=None, log=done.append)
        await self._run(prepared.ready, request, caller, deadline, operation.request_id, means)
        return done

    async def _run(
        self,
        ready: Ready,
        request: Request,
        caller: Caller,
        deadline: Deadline,
        request_id: str,
        means: Means | None = None,
    ) -> Ran:
        means = means or self._means
        if not ready.looked_up:
            return await run(ready.plan, ready.accesses, request, means, deadline)
        found = Found(self._sources, Calls(self.catalog.sources, caller, deadline, request_id))
        try:
            lookups = Lookups(self.catalog, ready.plan.layouts, found, self._row_functions(ready, request, caller))
            return await run(ready.plan, ready.accesses, request, means, deadline, lookups)
        finally:
            found.close()

    def _row_functions(self, ready: Ready, request: Request, caller: Caller) -> Mapping[str, See]:
        secrets = Secrets(self._keys, request.entitlements)
        return row_functions(ready.looked_up, caller, self.moment(), secrets, self.policies, self.catalog)

    def prepare(self, operation: Operation, caller: Caller) -> Prepared:
        """Stages 3 to 5: read, compile, govern, plan; whatever is missing is made."""
        started = time.perf_counter()
        sight = self._sights.of(caller)
        document = self.frontend.read(operation.text, operation.name, sight.visible)
        read = _since(started)
        prepared = self._sharing(document, operation, caller, sight)
        prepared.timings["compile"] += read
        return prepared

    def _sharing(self, document: Asked, operation: Operation, caller: Caller, sight: Sight) -> Prepared:
        """A document without its literals, or, where that is refused, with them: it words the refusal."""
        if isinstance(document, Inlined):
            try:
                return self._prepare(document, operation, caller, sight)
            except (Refusal, Refusals):
                document = self.frontend.read(operation.text, operation.name, sight.visible, exactly=True)
        return self._prepare(document, operation, caller, sight)

    def _known(self, operation: Operation, caller: Caller) -> Prepared | None:
        """The same for what has been made before; None where something is missing, or is to be refused exactly."""
        sight = self._sights.known(caller)
        if sight is None:
            return None
        standing = self._standing.known((sight.number, operation.text, operation.name))
        document = (
            standing.document
            if standing is not None
            else self.frontend.known(operation.text, operation.name, sight.visible)
        )
        if document is None:
            return None
        try:
            if standing is not None:
                return self._stood(standing, operation, caller)
            return self._prepare(document, operation, caller, sight, made=False)
        except _Missing:
            return None
        except (Refusal, Refusals):
            if isinstance(document, Inlined):
                return None
            raise

    def _prepare(
        self, document: Asked, operation: Operation, caller: Caller, sight: Sight, made: bool = True
    ) -> Prepared:
        started = time.perf_counter()
        sealer = self._sealer(caller)
        values = document.coerce(operation.variables)
        cost = self._affordable(document.estimate, values)
        key = (document.key, document.signature(values, sealer.open))
        compiled = self._logical.known(key)
        if compiled is None:
            compiled = self._logical.keep(key, self._compiled(document, values, sealer, made))
        governing = time.perf_counter()
        guards = self._sights.guards(sight, caller, compiled.products)
        slots, limits = compiled.query.slots, compiled.query.limits
        request = Request(caller, slots, values, sealer, self._keys, self._minute(), self.zone.region)
        if limits:
            check_limits(limits, request)
        large = any(int(str(request.value(slot))) > MANY for slot in compiled.pages)
        ready = self._plans.known((key, guards.number, large))
        if ready is None:
            ready = self._plans.keep((key, guards.number, large), self._ready(compiled, caller, guards, large, made))
        if document.fixed and not compiled.pages:
            standing = Standing(document, ready, document.estimate.fixed)
            self._standing.keep((sight.number, operation.text, operation.name), standing)
        planned = time.perf_counter()
        timings = {"compile": (governing - started) * 1000, "govern": (planned - governing) * 1000}
        governed = request._replace(slots=ready.plan.query.slots)  # it has more binds than the logical query
        return Prepared(ready, governed, timings, document, cost)

    def _stood(self, standing: Standing, operation: Operation, caller: Caller) -> Prepared:
        started = time.perf_counter()
        query, document = standing.ready.plan.query, standing.document
        values, cost = document.coerce(operation.variables), standing.cost
        if cost is None:
            cost = self._affordable(document.estimate, values)
        request = Request(
            caller, query.slots, values, self._sealer(caller), self._keys, self._minute(), self.zone.region
        )
        if query.logical.limits:
            check_limits(query.logical.limits, request)
        return Prepared(standing.ready, request, {"compile": _since(started)}, document, cost)

    def _affordable(self, estimate: Estimate, values: Mapping[str, object]) -> int:
        """What it may cost. Raises `Refusal` CH624 where that is more than the zone allows."""
        cost = estimate.of(values)
        if cost > self.zone.limits.cost:
            raise too_costly(cost, self.zone.limits.cost)
        return cost

    def visible(self, caller: Caller) -> VisibleSet:
        """The names a caller may know."""
        return self._sights.of(caller).visible

    async def knows(self, caller: Caller, text: str) -> bool:
        """Whether a document of one operation is valid for whoever knows the names that the caller does."""
        visible = self._sights.of(caller).visible
        key = (text, visible.digest)
        known = self._valid.known(key)
        if known is None:
            loop = asyncio.get_running_loop()
            known = self._valid.keep(key, await loop.run_in_executor(self._compiler, self._reads, text, visible))
        return known

    def _reads(self, text: str, visible: VisibleSet) -> bool:
        try:
            self.frontend.read(text, None, visible)
        except (Refusal, Refusals):
            return False
        return True

    def moment(self) -> Moment:
        return Moment(self._minute(), self.zone.region)

    def _compiled(self, document: Asked, values: Mapping[str, object], sealer: Sealer, made: bool) -> Compiled:
        if not made:
            raise _Missing
        query = self.frontend.compile(document, values, sealer.open)
        return Compiled(query, prerequisites(query, self.policies, self.catalog), pages(query))

    def _ready(self, compiled: Compiled, caller: Caller, guards: Guards, large: bool, made: bool) -> Ready:
        if not made:
            raise _Missing
        governed = self._governed(compiled.query, caller, guards.tuple)
        planned = plan(governed, self.catalog, self._dialects, large, self.zone.max_candidates)
        steps = steps_of((*planned.steps, *(gather.fetch for gather in planned.gathers)))
        accesses = {step.block.name: self._access(step) for step in steps if isinstance(step, Fetch)}
        looked_up = {step.product: step.columns for step in steps if isinstance(step, Lookup)}
        account = Account(governed, guards.tuple, self.policies, self.catalog, self.zone.name)
        masked, counted = masked_columns(governed.decisions), Counted(planned)
        return Ready(planned, encoder(planned), accesses, looked_up, alike(planned), masked, account, counted)

    def _access(self, fetch: Fetch) -> Access:
        bind = binder(fetch.statement, self._keys)
        if self._kept is None:
            return Access(bind)
        versions = (self.catalog.version, self.policies.version)
        return Access(bind, self._kept.key(self.zone.name, versions, fetch.source, fetch.statement))

    async def close(self) -> None:
        """End the compiling thread. The back ends belong to whoever opened them."""
        self._compiler.shutdown(wait=False, cancel_futures=True)

    def _governed(self, query: LogicalQuery, caller: Caller, guards: GuardTuple) -> GovernedQuery:
        return govern(query, caller, guards, self.policies, self.catalog)

    async def _entitled(self, governed: GovernedQuery, request: Request, deadline: Deadline) -> Request:
        found = await self._entitlements.resolve(governed.entitlements, request, deadline)
        return request._replace(entitlements=found)

    def _sealer(self, caller: Caller) -> Sealer:
        bound = (self.zone.name, caller.digest, self.catalog.version, self.policies.version)
        return Sealer(self._keys["seal"], bound)

    def _policy_slot(self, name: str) -> Slot:
        origin, _, path = name.partition(":")
        if origin == "claim":
            claim = self.catalog.claims[path]
            return Slot(name, claim.type, "claim", many=claim.many, path=(path,))
        return Slot(name, TIMESTAMP if path == "time" else STRING, "request", path=(path,))

    def _minute(self) -> int:
        return int(self._clock() // 60)


class _Missing(Exception):
    """Something has to be made first."""


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000

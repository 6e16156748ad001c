"""The engine: everything between an operation and response bytes. The whole request on one screen is `Engine.answer`.

One engine serves one zone with one version of catalog and policies; a reload makes another and swaps it in. Policy
happens in `_governed`, nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import orjson

from policies.condition import Moment
from policies.govern import GovernedQuery, GuardTuple, govern, guard, prerequisites
from policies.guard import guard_tuple
from policies.rules import PolicySet
from policies.visible import visible
from resolvers.backends.backend import Backend, Bounds, Deadline
from resolvers.backends.failures import too_many_bytes
from resolvers.bind import Request, check_limits
from resolvers.cache import Bounded
from resolvers.encode import Encoder, encoder
from resolvers.entitlements import Entitlements
from resolvers.frontends.graphql.frontend import GraphQLFrontEnd
from resolvers.operation import Answer, Operation
from resolvers.plan import Plan, plan
from resolvers.run import Ran, run
from resolvers.seal import Sealer
from schema.caller import Caller
from schema.catalog import Catalog
from schema.query import LogicalQuery, Slot
from schema.types import STRING, TIMESTAMP
from schema.visible import VisibleSet

PLANS = 500
CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan with its compiled encoder."""

    plan: Plan
    encoder: Encoder


@dataclass(frozen=True, slots=True)
class Prepared:
    """An operation ready to run for one caller."""

    ready: Ready
    request: Request
    timings: dict[str, float]


class Engine:
    """``backends`` by source name; ``keys`` are the zone's mask keys and its ``seal`` key."""

    def __init__(
        self,
        catalog: Catalog,
        policies: PolicySet,
        zone: str,
        backends: Mapping[str, Backend],
        keys: Mapping[str, bytes],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.catalog, self.policies, self.zone, self.backends = catalog, policies, catalog.zones[zone], backends
        self._keys, self._clock = keys, clock
        self._dialects = {name: backend.dialect for name, backend in backends.items()}
        capabilities = {name: dialect.capabilities for name, dialect in self._dialects.items()}
        self.frontend = GraphQLFrontEnd(catalog, zone, capabilities)
        self._plans: Bounded[Ready] = Bounded(PLANS)
        self._logical: Bounded[LogicalQuery] = Bounded(PLANS)
        self._visible: Bounded[VisibleSet] = Bounded(CALLERS)
        self._guards: Bounded[GuardTuple] = Bounded(CALLERS)
        self._entitlements = Entitlements(policies.entitlements, backends, self._policy_slot)

    async def answer(self, operation: Operation, caller: Caller) -> Answer:
        """Everything between a parsed request and response bytes. Raises `Refusal` or `Refusals` for a request that is
        not answered at all; a source that fails leaves nulls and errors in the answer."""
        prepared = self.prepare(operation, caller)
        deadline = Deadline.after(min(self.zone.timeout, caller.expires - self._clock()))
        request, timings = prepared.request, prepared.timings
        started = time.perf_counter()
        request = await self._entitled(prepared.ready.plan.query, request, deadline)
        bounds = Bounds(self.zone.max_rows, self.zone.max_answer_bytes)
        ran = await run(prepared.ready.plan, request, self.backends, deadline, bounds)
        timings["run"] = _since(started)
        started = time.perf_counter()
        answer = self._encode(prepared.ready, ran, request, timings)
        timings["encode"] = _since(started)
        return answer

    def prepare(self, operation: Operation, caller: Caller) -> Prepared:
        """Stages 3 to 5: read, compile, govern, plan. Cached by document, variable shape and guards."""
        started = time.perf_counter()
        sealer = self._sealer(caller)
        names = self.visible(caller)
        document = self.frontend.read(operation.text, operation.name, names)
        values = document.coerce(operation.variables)
        key = (document.key, document.signature(values, sealer.open))
        query = self._logical.get(key, lambda: self.frontend.compile(document, values, sealer.open))
        timings = {"compile": _since(started)}
        started = time.perf_counter()
        guards = self.guards(query, caller)
        ready = self._plans.get((key, guards), lambda: self._ready(self._governed(query, caller, guards)))
        timings["govern"] = _since(started)
        slots = ready.plan.query.slots
        request = Request(caller, slots, values, sealer, self._keys, self._minute(), self.zone.region)
        check_limits(query.limits, request)
        return Prepared(ready, request, timings)

    def visible(self, caller: Caller) -> VisibleSet:
        """The names a caller may know."""
        key = (caller.digest, self._minute())
        return self._visible.get(key, lambda: visible(self.policies, self.catalog, caller, self.moment()))

    def moment(self) -> Moment:
        return Moment(self._minute(), self.zone.region)

    def guards(self, query: LogicalQuery, caller: Caller) -> GuardTuple:
        """The caller's guards for the products of a query."""
        products = prerequisites(query, self.policies, self.catalog)
        moment = self.moment()
        return self._guards.get(
            (caller.digest, moment.minute, products),
            lambda: guard(products, caller, self.policies, lambda rules: guard_tuple(rules, caller, moment)),
        )

    async def close(self) -> None:
        """Nothing of its own to close: the back ends belong to whoever opened them."""

    def _governed(self, query: LogicalQuery, caller: Caller, guards: GuardTuple) -> GovernedQuery:
        return govern(query, caller, guards, self.policies, self.catalog)

    def _ready(self, governed: GovernedQuery) -> Ready:
        planned = plan(governed, self.catalog, self._dialects)
        return Ready(planned, encoder(planned))

    async def _entitled(self, governed: GovernedQuery, request: Request, deadline: Deadline) -> Request:
        if not governed.entitlements:
            return request
        found = await self._entitlements.resolve(governed.entitlements, request, deadline)
        return replace(request, entitlements=found)

    def _encode(self, ready: Ready, ran: Ran, request: Request, timings: Mapping[str, float]) -> Answer:
        failed = frozenset(ran.failures)
        data = ready.encoder.encode(ran.rows, failed, request)
        body: dict[str, object] = {"data": data}
        if failed:
            body["errors"] = [_error(key, ran, needs) for key, _, needs in ready.encoder.fields if needs & failed]
        text = orjson.dumps(body)
        if len(text) > self.zone.max_answer_bytes:
            raise too_many_bytes(self.zone.max_answer_bytes)
        return Answer(text, 294 if failed else 200, timings)

    def _sealer(self, caller: Caller) -> Sealer:
        bound = "\0".join((self.zone.name, caller.digest, self.catalog.version, self.policies.version))
        return Sealer(self._keys["seal"], bound)

    def _policy_slot(self, name: str) -> Slot:
        origin, _, path = name.partition(":")
        if origin == "claim":
            claim = self.catalog.claims[path]
            return Slot(name, claim.type, "claim", many=claim.many, path=(path,))
        return Slot(name, TIMESTAMP if path == "time" else STRING, "request", path=(path,))

    def _minute(self) -> int:
        return int(self._clock() // 60)


def _error(key: str, ran: Ran, needs: frozenset[str]) -> dict[str, object]:
    refusal = next(ran.failures[name] for name in sorted(needs & frozenset(ran.failures)))
    extensions = {"code": refusal.code} | ({"hint": refusal.hint} if refusal.hint else {})
    return {"message": refusal.message, "path": [key], "extensions": extensions}


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000

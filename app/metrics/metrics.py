"""What a worker counts: a `Metrics` for each zone, all into the worker's one sheet, called from its event loop alone.

    metrics.began()                                             when a request's head is there
    metrics.request(zone, route, method, status, seconds, stages, codes)      when it has been answered
    metrics.partner(zone, partner, codes)                       the same, where a partner asked
    metrics.token("remembered" | "verified" | "refused")        authenticate
    metrics.plan_hit(), metrics.plan_miss(cached)               the engine's plans; ``cached``: how many it keeps now
    metrics.source(name, seconds), metrics.source_error(name, code)     one statement at a source
    metrics.breaker(name, before, after)                        a source's breaker, from state to state
    metrics.pools(found)                                        how full the pools of all sources are now
    metrics.retry(name), metrics.hedge(name, winner), metrics.turned_away(name, why)     its guard
    metrics.cache("hit" | "miss" | ..)                          the result cache
    metrics.reload("served" | "refused")                        a new version of the project
    metrics.keys(issuer, "changed" | "unchanged" | "failed")    a fetch of an issuer's keys
    metrics.rows(zone, count)                                   rows of one answer
    metrics.estimated(zone, cost), metrics.actual(zone, cost)   what one answer may cost, and did
    metrics.operation(zone, name, status, seconds)              a request for a registered document, beside `request`
    metrics.masked(counts)                                      columns of one question that a mask stood before
    metrics.policy_refusals(rules), metrics.shed(reason)        questions that were not answered
    metrics.audit(sink, "written" | "failed" | "refused", count)        audit records

``stages`` are milliseconds by name, as `resolvers.operation.Answer.timings` has them; ``route`` is one of our own
names, never a path. The calls for stages 3 to 7 are `resolvers.observe.Observer`'s.

A call costs a look into a dictionary and additions in shared memory: about 2 us for a request with five stages
(``python -m benchmarks metrics``). Labels are made once, and there checked: a text that is not a plain name becomes
``other``, and so does every new one when a metric has `Family.most` sets of labels. So a mistake elsewhere costs a
label, never a secret or the memory.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping

from app.metrics.families import (
    ACTUAL,
    AUDIT,
    BREAKERS,
    BUCKETS,
    CACHE,
    COSTS,
    DURATION,
    ESTIMATED,
    HEDGES,
    INFLIGHT,
    KEYS,
    MASKED,
    OPERATION_DURATION,
    OPERATIONS,
    PARTNERS,
    PLAN_REQUESTS,
    PLANS,
    POLICY,
    POOLS,
    POOLS_MOST,
    POOLS_WAITING,
    REFUSALS,
    RELOADS,
    REQUESTS,
    RETRIES,
    ROWS,
    SHED,
    SHED_BY,
    SOURCE,
    SOURCE_ERRORS,
    STAGES,
    TOKENS,
    TURNED_AWAY,
    Family,
)
from app.metrics.sheet import Sheet
from resolvers.backends.places import Places

_METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NAME = re.compile(r"/|/?[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,63}")
_MOST = 500
_OTHER = "other"
_SUM, _COST_SUM = DURATION.sum_at, ESTIMATED.sum_at
_RESULTS = {
    "CH313": "stopped",
    "CH620": "limited",
    "CH621": "limited",
    "CH622": "limited",
    "CH625": "limited",
    "CH626": "limited",
}


class Metrics:
    """Counts into a sheet."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet, self._cells = sheet, sheet.cells
        self._requests: dict[tuple[str, str, str, int], tuple[int, int]] = {}
        self._rows: dict[tuple[str, tuple[str, ...]], int] = {}
        self._made: dict[str, int] = {}
        self._stages: dict[str, int] = {}
        self._codes: dict[str, int] = {}
        self._sources: dict[str, int] = {}
        self._operations: dict[tuple[str, str, int], tuple[int, int]] = {}
        self._pools: dict[int, float] = {}
        self._inflight = self._place(INFLIGHT, ())
        self._plans, self._cached = self._place(PLANS, ()), 0
        self._hit, self._miss = (self._place(PLAN_REQUESTS, (result,)) for result in ("hit", "miss"))
        self._tokens = {result: self._place(TOKENS, (result,)) for result in ("remembered", "verified", "refused")}
        self._reloads = {result: self._place(RELOADS, (result,)) for result in ("served", "refused")}

    def began(self) -> None:
        self._cells[self._inflight] += 1

    def request(
        self,
        zone: str,
        route: str,
        method: str,
        status: int,
        seconds: float,
        stages: Mapping[str, float] | None = None,
        codes: Iterable[str] = (),
    ) -> None:
        """One request has been answered, or its client has left (status 499). Ends what `began` began."""
        cells = self._cells
        cells[self._inflight] -= 1
        places = self._requests.get((zone, route, method, status))
        if places is None:
            places = self._new_request(zone, route, method, status)
        at, first = places
        cells[at] += 1
        cells[first + bisect_left(BUCKETS, seconds)] += 1
        cells[first + _SUM] += seconds
        if stages:
            known = self._stages
            for stage, milliseconds in stages.items():
                first = known[stage] if stage in known else self._new(known, STAGES, stage)
                spent = milliseconds * 0.001
                cells[first + bisect_left(BUCKETS, spent)] += 1
                cells[first + _SUM] += spent
        for code in codes:
            cells[self._codes[code] if code in self._codes else self._new(self._codes, REFUSALS, code)] += 1
            if code in SHED_BY:
                self.shed(SHED_BY[code])

    def partner(self, zone: str, partner: str, codes: Iterable[str]) -> None:
        """One request of a partner has been answered, or refused with these codes."""
        result = next((_RESULTS.get(code, "refused") for code in codes), "answered")
        self._cells[self._place(PARTNERS, (zone, partner, result))] += 1

    def source(self, name: str, seconds: float) -> None:
        first = self._sources[name] if name in self._sources else self._new(self._sources, SOURCE, name)
        self._cells[first + bisect_left(BUCKETS, seconds)] += 1
        self._cells[first + _SUM] += seconds

    def source_error(self, name: str, code: str) -> None:
        self._cells[self._place(SOURCE_ERRORS, (name, code))] += 1

    def breaker(self, name: str, before: str | None, after: str | None) -> None:
        if before is not None:
            self._cells[self._place(BREAKERS, (name, before))] -= 1
        if after is not None:
            self._cells[self._place(BREAKERS, (name, after))] += 1

    def pools(self, found: Iterable[tuple[str, Places]]) -> None:
        """All pools of this worker's sources, by source. One that is not among them any more has no places."""
        now = dict.fromkeys(self._pools, 0.0)
        for source, one in found:
            said: list[tuple[Family, tuple[str, ...], int]] = [
                (POOLS, (source, one.pool, "used"), one.used),
                (POOLS_MOST, (source, one.pool), one.most),
                (POOLS_WAITING, (source, one.pool), one.waiting),
            ]
            if one.idle is not None:
                said.append((POOLS, (source, one.pool, "idle"), one.idle))
            for family, labels, count in said:
                at = self._place(family, labels)
                now[at] = now.get(at, 0.0) + count
        for at, value in now.items():
            self._cells[at] = value
        self._pools = now

    def retry(self, name: str) -> None:
        self._cells[self._place(RETRIES, (name,))] += 1

    def hedge(self, name: str, winner: str) -> None:
        self._cells[self._place(HEDGES, (name, winner))] += 1

    def turned_away(self, name: str, why: str) -> None:
        self._cells[self._place(TURNED_AWAY, (name, why))] += 1

    def degraded(self, zone: str, sources: frozenset[str]) -> None:
        """Sources that do not answer, though requests can be answered without them."""
        self._sheet.degrade(zone, sources)

    def plan_hit(self) -> None:
        self._cells[self._hit] += 1

    def plan_miss(self, cached: int) -> None:
        self._cells[self._miss] += 1
        self._cells[self._plans] += cached - self._cached  # other zones count their plans in the same cell
        self._cached = cached

    def cache(self, result: str) -> None:
        self._cells[self._place(CACHE, (result,))] += 1

    def token(self, result: str) -> None:
        self._cells[self._tokens[result]] += 1

    def reload(self, result: str) -> None:
        self._cells[self._reloads[result]] += 1

    def audit(self, sink: str, result: str, count: int) -> None:
        self._cells[self._place(AUDIT, (sink, result))] += count

    def keys(self, issuer: str, result: str) -> None:
        self._cells[self._place(KEYS, (issuer, result))] += 1

    def rows(self, zone: str, count: int) -> None:
        self._cells[self._place(ROWS, (zone,))] += count

    def estimated(self, zone: str, cost: int) -> None:
        self._costs(self._place(ESTIMATED, (zone,)), cost)

    def actual(self, zone: str, cost: int) -> None:
        self._costs(self._place(ACTUAL, (zone,)), cost)

    def _costs(self, first: int, cost: int) -> None:
        self._cells[first + bisect_left(COSTS, cost)] += 1
        self._cells[first + _COST_SUM] += cost

    def operation(self, zone: str, name: str, status: int, seconds: float) -> None:
        """A registered document has been answered or refused; ``name`` is the one that it is registered by."""
        places = self._operations.get((zone, name, status))
        if places is None:
            places = self._place(OPERATIONS, (zone, name, str(status))), self._place(OPERATION_DURATION, (zone, name))
            if len(self._operations) < OPERATIONS.most:
                self._operations[zone, name, status] = places
        at, first = places
        self._cells[at] += 1
        self._cells[first + bisect_left(BUCKETS, seconds)] += 1
        self._cells[first + _SUM] += seconds

    def masked(self, counts: Iterable[tuple[str, int]]) -> None:
        for product, count in counts:
            self._cells[self._place(MASKED, (product,))] += count

    def policy_refusals(self, rules: Iterable[str]) -> None:
        for rule in rules:
            self._cells[self._place(POLICY, (rule,))] += 1

    def shed(self, reason: str) -> None:
        self._cells[self._place(SHED, (reason,))] += 1

    def _new_request(self, zone: str, route: str, method: str, status: int) -> tuple[int, int]:
        safe = method if method in _METHODS else _OTHER
        places = self._place(REQUESTS, (zone, route, safe, str(status))), self._place(DURATION, (zone, route))
        if safe == method and len(self._requests) < 4 * _MOST:
            self._requests[zone, route, method, status] = places
        return places

    def _new(self, known: dict[str, int], family: Family, label: str) -> int:
        first = self._place(family, (label,))
        if len(known) < _MOST:
            known[label] = first
        return first

    def _place(self, family: Family, labels: tuple[str, ...]) -> int:
        found = self._rows.get((family.name, labels))
        if found is None:
            safe = tuple(label if _NAME.fullmatch(label) else _OTHER for label in labels)
            if self._made.get(family.name, 0) >= family.most:
                safe = tuple(_OTHER for _ in labels)
            found = self._rows.get((family.name, safe))
        if found is None:
            found = self._rows[family.name, safe] = self._sheet.place(family, safe)
            self._made[family.name] = self._made.get(family.name, 0) + 1
        return found

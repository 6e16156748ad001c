"""Pace: how fast each caller of a zone may ask, by requests and by what they may cost.

1. A request is charged when its caller is known, before anything is read of it (CH625).
2. What it may cost is charged when it is known, before a source is asked, and refused where that is more than is left
   (CH626). It is the estimate: what is refused or fails later is not given back, and neither is what a page did not
   hold. Rows of SQL, whose cost nobody knows before, cost 1 each and are charged when they have been sent.

Whoever asks by many tokens is one caller: the counters go by issuer and subject, as a keyed digest.
"""

from __future__ import annotations

import math

from app.quotas.counters import Counter, Counters
from app.quotas.told import Told, used_up
from resolvers.frontends.graphql.cost import too_costly
from schema.caller import Caller
from schema.errors import Refusal
from schema.zone import Rate, Zone

REQUESTS, COST = "caller", "cost"
"""What the answer's fields call them."""


class Pace:
    """Counts for one version of a zone."""

    def __init__(self, zone: Zone, counters: Counters) -> None:
        self._rate, self._counters = zone.rate, counters
        counters.prepare()

    def _counter(self, rate: Rate, caller: Caller, what: str) -> Counter:
        return self._counters.counter(rate, "caller", caller.issuer, caller.subject, what)

    async def request(self, caller: Caller, told: Told) -> None:
        """Charge a request; ``told`` learns how things stand. Raises `Refusal` CH625, CH626."""
        rates = {REQUESTS: self._rate.requests, COST: self._rate.cost}
        counters = {what: self._counter(rate, caller, what) for what, rate in rates.items() if rate is not None}
        found = await self._counters.look(tuple(counters.values()))
        told.standings |= dict(zip(counters, found, strict=True))
        for what in counters:
            if not told.standings[what].left:
                raise _too_fast(what, told)
        if REQUESTS in counters:
            taken = await self._counters.take_one(counters[REQUESTS])
            told.spend(REQUESTS, 1)
            if not taken:  # somebody else was quicker
                raise _too_fast(REQUESTS, told)

    async def cost(self, caller: Caller, told: Told, cost: int) -> None:
        """Charge what an operation may cost. Raises `Refusal` CH626 where there is not so much left, CH624 where there
        never is."""
        rate, standing = self._rate.cost, told.standings.get(COST)
        if rate is None or standing is None or not cost:
            return
        if cost > standing.limit:
            raise too_costly(cost, standing.limit)  # waiting would not help
        if cost > standing.left:
            raise _too_fast(COST, told)
        await self.spent(caller, told, cost)

    async def spent(self, caller: Caller, told: Told, cost: int) -> None:
        """Charge what has been taken, however much there was."""
        if self._rate.cost is not None and cost:
            told.spend(COST, cost)
            await self._counters.charge([(self._counter(self._rate.cost, caller, COST), cost)])


def _too_fast(what: str, told: Told) -> Refusal:
    standing = told.standings[what]
    if what == REQUESTS:
        return used_up("CH625", "There were too many requests of this caller.", standing)
    sentence = f"What this caller may spend is used up: {standing.left} is left."
    return used_up("CH626", sentence, standing, math.ceil(standing.ends) if standing.left else None)

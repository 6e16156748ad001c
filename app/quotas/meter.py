"""Meter: what each partner of a zone may take, and what it is told when there is no more.

1. A request is charged when its caller is known, before anything is read of it; where requests or rows are used up, it
   is refused (CH620, CH621) and charged nothing.
2. A request that names products with quotas of their own is charged to those, too, when its products are known and
   before a source is asked (CH622). Only products that the caller may see can be named, and only those are looked at.
3. Rows are charged when the answer has been made. An answer is never cut: what is too much is charged, and the next
   request is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.quotas.counters import Counter, Counters
from app.quotas.told import Told, used_up
from schema.zone import Quota, Zone

_CODES = {"requests": "CH620", "rows": "CH621"}


@dataclass(frozen=True, slots=True)
class _Counted:
    """The counters of a quota."""

    requests: Counter | None
    rows: Counter | None

    def both(self) -> dict[str, Counter]:
        named = {"requests": self.requests, "rows": self.rows}
        return {name: counter for name, counter in named.items() if counter is not None}


class Meter:
    """Counts for one version of a zone."""

    def __init__(self, zone: Zone, counters: Counters) -> None:
        self._counters = counters
        counters.prepare()
        self._all = {name: self._counted(partner.quotas.all, name, "") for name, partner in zone.partners.items()}
        self._products = {
            name: {id_: self._counted(quota, name, id_) for id_, quota in partner.quotas.products.items()}
            for name, partner in zone.partners.items()
        }

    def _counted(self, quota: Quota, partner: str, product: str) -> _Counted:
        requests, rows = (
            None if rate is None else self._counters.counter(rate, partner, product, what)
            for what, rate in (("requests", quota.requests), ("rows", quota.rows))
        )
        return _Counted(requests, rows)

    async def request(self, partner: str, told: Told) -> None:
        """Charge a request; ``told`` learns how things stand. Raises `Refusal` CH620, CH621."""
        counters = self._all[partner].both()
        if not counters:
            return
        found = await self._counters.look(tuple(counters.values()))
        told.standings |= (stand := dict(zip(counters, found, strict=True)))
        for name, one in stand.items():
            if not one.left:
                raise used_up(_CODES[name], f"The quota of {name} is used up.", one)
        if "requests" in counters:
            taken = await self._counters.take_one(counters["requests"])
            told.spend("requests", 1)
            if not taken:  # somebody else was quicker
                raise used_up("CH620", "The quota of requests is used up.", told.standings["requests"])

    async def products(self, partner: str, named: frozenset[str]) -> None:
        """Charge a request to the products that it names. Raises `Refusal` CH622."""
        own = self._products[partner]
        counted = [(id_, counter) for id_ in sorted(named & own.keys()) for counter in own[id_].both().values()]
        if not counted:
            return
        found = await self._counters.look([counter for _, counter in counted])
        for (id_, _), one in zip(counted, found, strict=True):
            if not one.left:
                raise used_up("CH622", f"The quota of '{id_}' is used up.", one)
        for id_ in sorted(named & own.keys()):
            requests = own[id_].requests
            if requests is not None and not await self._counters.take_one(requests):
                raise used_up("CH622", f"The quota of '{id_}' is used up.", found[0])

    async def rows(self, partner: str, told: Told, whole: int, rows: Mapping[str, int]) -> None:
        """Charge the rows of an answer: so many as a whole, and so many of each product."""
        every = self._all[partner].rows
        amounts = [(every, whole)] if every is not None else []
        for id_, one in self._products[partner].items():
            if one.rows is not None and id_ in rows:
                amounts.append((one.rows, rows[id_]))
        told.spend("rows", whole)
        amounts = [(counter, amount) for counter, amount in amounts if amount]
        if amounts:
            await self._counters.charge(amounts)

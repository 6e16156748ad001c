"""The door of a zone that has partners, or that bounds how fast its callers may ask: each request passes it, once it is
known whose it is.

1. A partner that is stopped is refused, and whatever is being done for it ends when it is stopped.
2. Its quotas are charged, where the zone has any, and what each caller may take.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType

from app.partners.stops import Stops
from app.quotas.counters import Counters
from app.quotas.meter import Meter
from app.quotas.pace import Pace
from app.quotas.told import Fields, Told
from policies.account import Account
from resolvers.operation import Before
from schema.caller import Caller
from schema.zone import Zone


class Door:
    """Of one version of a zone."""

    def __init__(self, zone: Zone, stops: Stops, counters: Counters) -> None:
        self._stops, self._partners = stops, zone.partner_claim is not None
        self._meter = Meter(zone, counters) if zone.metered else None
        self._pace = Pace(zone, counters) if zone.rate.some else None

    def visit(self, caller: Caller) -> Visit:
        """A context manager around one request. Raises `Refusal` CH313, CH620, CH621, CH625, CH626."""
        if caller.partner is None and self._partners:
            raise RuntimeError("a zone with partners knows no other callers")
        return Visit(caller, self._stops, self._meter, self._pace)


class Visit:
    """One request."""

    def __init__(self, caller: Caller, stops: Stops, meter: Meter | None, pace: Pace | None) -> None:
        self._caller, self._meter, self._pace, self._told = caller, meter, pace, Told()
        self._partner = caller.partner or ""
        self._inside: AbstractContextManager[object] = (
            nullcontext() if caller.partner is None else stops.inside(caller.partner)
        )

    async def __aenter__(self) -> Visit:
        self._inside.__enter__()
        try:
            if self._meter is not None:
                await self._meter.request(self._partner, self._told)
            if self._pace is not None:
                await self._pace.request(self._caller, self._told)
        except BaseException as error:
            self._inside.__exit__(type(error), error, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._inside.__exit__(kind, error, at)

    @property
    def before(self) -> Before | None:
        """What has to be asked when products and cost are known; None: nothing."""
        return None if self._meter is None and self._pace is None else self._known

    async def took(self, whole: int, rows: Mapping[str, int]) -> None:
        """So many rows have been taken, as a whole and of each product."""
        if self._meter is not None:
            await self._meter.rows(self._partner, self._told, whole, rows)

    async def streamed(self, rows: int, products: frozenset[str]) -> None:
        """So many rows of SQL have been taken, of all these products."""
        await self.took(rows, dict.fromkeys(products, rows))
        if self._pace is not None:
            await self._pace.spent(self._caller, self._told, rows)

    def fields(self) -> Fields:
        """What every answer says of the quotas."""
        return self._told.fields()

    async def _known(self, account: Account, cost: int) -> None:
        if self._meter is not None:
            await self._meter.products(self._partner, account.named)
        if self._pace is not None:
            await self._pace.cost(self._caller, self._told, cost)

"""The door of a zone that has partners: each request of one passes it, once it is known whose it is.

1. A partner that is stopped is refused, and whatever is being done for it ends when it is stopped.
2. Its quotas are charged, where the zone has any.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from app.partners.stops import Stops
from app.quotas.counters import Counters
from app.quotas.meter import Fields, Meter, Told
from policies.account import Account
from resolvers.operation import Before
from schema.caller import Caller
from schema.zone import Zone


class Door:
    """Of one version of a zone."""

    def __init__(self, zone: Zone, stops: Stops, counters: Counters) -> None:
        self._stops = stops
        self._meter = Meter(zone, counters) if zone.metered else None

    def visit(self, caller: Caller) -> Visit:
        """A context manager around one request. Raises `Refusal` CH313, CH620, CH621."""
        if caller.partner is None:
            raise RuntimeError("a zone with partners knows no other callers")
        return Visit(caller.partner, self._stops, self._meter)


class Visit:
    """One request of a partner."""

    def __init__(self, partner: str, stops: Stops, meter: Meter | None) -> None:
        self._partner, self._meter, self._told = partner, meter, Told()
        self._inside = stops.inside(partner)

    async def __aenter__(self) -> Visit:
        self._inside.__enter__()
        if self._meter is not None:
            try:
                await self._meter.request(self._partner, self._told)
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
        """What has to be asked when the products are known; None: nothing."""
        return None if self._meter is None else self._products

    async def took(self, whole: int, rows: Mapping[str, int]) -> None:
        """So many rows have been taken, as a whole and of each product."""
        if self._meter is not None:
            await self._meter.rows(self._partner, self._told, whole, rows)

    def fields(self) -> Fields:
        """What every answer says of the quotas."""
        return self._told.fields()

    async def _products(self, account: Account) -> None:
        if self._meter is not None:
            await self._meter.products(self._partner, account.named)

"""Open what a process knows of a zone's partners: who is stopped, and what has been taken. Reloads go on using it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from app.caching import cache_url
from app.partners.door import Door
from app.partners.stop import Stop
from app.partners.stops import Stops
from app.partners.stops_file import NAME
from app.quotas.counters import Counters
from app.settings import Settings
from schema.zone import Zone

if TYPE_CHECKING:
    from app.partners.stops_shared import SharedStops


@dataclass(frozen=True, slots=True)
class Partners:
    """Of one zone in one process."""

    stops: Stops
    counters: Counters

    def door(self, zone: Zone) -> Door | None:
        """The zone's door; None where nobody is a partner and everybody may ask as fast as they like. Raises
        StopsError."""
        self.stops.declare(() if zone.partner_claim is None else zone.partners)
        if zone.partner_claim is None and not zone.rate.some:
            return None
        return Door(zone, self.stops, self.counters)

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Know who is stopped, before the block and as long as it runs."""
        await self.stops.look_first()
        watch = asyncio.create_task(self.stops.watch())
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            await self.stops.close()
            await self.counters.close()


def stops_path(settings: Settings) -> Path:
    """Where the stops file is."""
    return settings.stops or settings.project / NAME


def open_partners(
    settings: Settings, zone: str, keys: Mapping[str, bytes], told: Callable[[str, Stop | None], None]
) -> Partners:
    """Connects to nothing; ``told`` hears of stops. Raises StartError for a cache URL that cannot be had."""
    url = cache_url(settings)

    def share() -> SharedStops:
        from app.partners.stops_shared import SharedStops  # imports redis-py, which few processes need

        return SharedStops(str(url), zone, keys["seal"])

    secret = blake2b(b"partner quotas", key=keys["seal"][:64], digest_size=32).digest()
    stops = Stops(zone, stops_path(settings), None if url is None else share, told)
    return Partners(stops, Counters(zone, secret, workers=settings.workers, url=url))

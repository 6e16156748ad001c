"""A hall: everything that one zone has in a worker, behind its door.

Nothing in it is any other zone's: not the keys, the tokens that are remembered, the plans, the results, the documents.
Zones of the house itself share open sources and key sets where these are made from the very same; a zone of partners
shares none. What is counted goes into one sheet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from app.assemble import Assembler
from app.audit.acts import Acts
from app.audit.audit import Audit
from app.caching import open_results
from app.http.gateway import Gateway
from app.http.surround import Surround
from app.metrics.metrics import Metrics
from app.metrics.sheet import Sheet
from app.partners.open import Partners, open_partners
from app.project import Project
from app.serving import Serving, Switch
from app.shared import Shared
from app.telemetry.telemetry import Telemetry
from app.tokens.keyset import KeySet
from app.work import Post, Work
from resolvers.backends.opened import Opened
from resolvers.results.results import Results


@dataclass(frozen=True, slots=True)
class Pools:
    """Open sources and key sets of one zone, or of several that trust each other."""

    sources: Shared[Opened] = field(default_factory=Shared)
    keysets: Shared[KeySet] = field(default_factory=Shared)


@dataclass(frozen=True, slots=True)
class Hall:
    """One zone in one worker. ``gateway`` answers whoever comes in by its door; ``acts`` tells what is done to it."""

    zone: str
    switch: Switch
    assembler: Assembler
    surround: Surround
    gateway: Gateway
    results: Results
    partners: Partners
    telemetry: Telemetry
    acts: Acts

    async def assemble(self, seen: Project) -> Serving:
        """A new version of what it answers with. Raises StartError."""
        return await self.assembler.assemble(seen)

    async def close(self) -> None:
        await self.switch.close()
        await self.results.close()
        await self.telemetry.close()


def halls(work: Work, sheet: Sheet, audit: Audit | None = None) -> tuple[Hall, ...]:
    """One for each zone that is served, in the order of their doors. ``audit`` is the process's."""
    ours = Pools()
    return tuple(_hall(work, post, sheet, audit, Pools() if post.door.restricted else ours) for post in work.posts)


def _hall(work: Work, post: Post, sheet: Sheet, audit: Audit | None, pools: Pools) -> Hall:
    parts, zone, metrics, switch = work.parts, post.door.zone, Metrics(sheet), Switch()
    acts = Acts(zone, audit)
    given, doors = work.settings, len(work.posts)
    settings = replace(given, cache_bytes=given.cache_bytes // doors, unread_bytes=given.unread_bytes // doors)
    results = open_results(settings, zone, post.keys, metrics.cache)
    partners = open_partners(settings, zone, post.keys, acts.partner)
    assembler = Assembler(
        settings,
        zone,
        post.keys,
        parts.make_engine,
        parts.reveal_source,
        parts.open_source,
        metrics,
        results,
        metrics.token,
        partners.door,
        pools.sources,
        pools.keysets,
        count_keys=metrics.keys,
    )
    telemetry = Telemetry(settings, zone, post.door.restricted)
    surround = Surround(switch, settings, parts.dictionary, parts.explain, metrics)
    gateway = Gateway(surround, settings, zone, telemetry, audit)
    return Hall(zone, switch, assembler, surround, gateway, results, partners, telemetry, acts)


def sources(all_: Sequence[Hall]) -> Iterator[Opened]:
    """Every source that is open, once."""
    for shared in {id(hall.assembler.sources): hall.assembler.sources for hall in all_}.values():
        yield from shared


async def missing(all_: Sequence[Hall]) -> list[str]:
    """What any of them lacks to answer requests."""
    return sorted({name for hall in all_ for name in await hall.surround.missing()})

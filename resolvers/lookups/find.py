"""Find: rows by key for one request. Each key is asked once, however many parts of the answer want it; keys go to the
source in calls of its batch size, side by side; what a deterministic model gave before is not asked again.

    keys wanted   -> those not asked in this request yet -> those not kept -> calls of `Keyed.batch` keys

A call that fails fails whoever waits for one of its keys, and nobody else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from resolvers.backends.keyed.keyed import Key, Keyed, Row
from resolvers.followed import FOLLOWED, NOBODY, OUTGOING, Told
from resolvers.lookups.calls import Calls
from resolvers.lookups.kept import KeptRows, Origin
from resolvers.observe import Observer
from schema.catalog import Catalog, Product
from schema.errors import Refusal


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources that answer by key. ``identities`` by source name: what tells one that was opened otherwise apart."""

    catalog: Catalog
    keyed: Mapping[str, Keyed]
    observer: Observer
    kept: KeptRows
    identities: Mapping[str, str]


Rows = dict[Key, "Row | None"]


class Found:
    """The raw rows of one request, by product and key."""

    def __init__(self, sources: Sources, calls: Calls) -> None:
        self._sources, self._calls = sources, calls
        self._rows: dict[str, Rows] = {}
        self._under_way: dict[str, dict[Key, asyncio.Task[None]]] = {}

    def ask(self, product: str, keys: Sequence[Key], columns: Sequence[str]) -> int:
        """Begin to ask for those of these keys that nobody asked for yet. Returns in how many calls."""
        of = self._sources.catalog.products[product]
        rows, under_way = self._rows.setdefault(product, {}), self._under_way.setdefault(product, {})
        new = [key for key in dict.fromkeys(keys) if key not in rows and key not in under_way]
        left = self._not_kept(of, new, rows)
        if not left:
            return 0
        calls = list(_cut(left, self._sources.keyed[of.source].batch(of)))
        for some in calls:
            call = asyncio.ensure_future(self._one(of, some, columns, rows))
            call.add_done_callback(_looked_at)
            under_way.update(dict.fromkeys(some, call))
        return len(calls)

    async def rows(self, product: str, keys: Sequence[Key]) -> Rows:
        """The rows of keys that were asked for. Raises `Refusal` where one of their calls failed."""
        rows, under_way = self._rows.get(product, {}), self._under_way.get(product, {})
        for call in dict.fromkeys(under_way[key] for key in keys if key in under_way):
            await asyncio.shield(call)
        return {key: rows[key] for key in keys}

    def close(self) -> None:
        """End the calls that are still under way: nobody waits for them any more."""
        for calls in self._under_way.values():
            for call in set(calls.values()):
                call.cancel()

    def _not_kept(self, product: Product, keys: list[Key], rows: Rows) -> list[Key]:
        """Answer from what is kept; the keys that are left."""
        store, origin = self._sources.kept, self._origin(product)
        if origin is None:
            return keys
        for key in keys:
            kept = store.find(origin, key)
            if kept is not None:
                rows[key] = kept[0]
        return [key for key in keys if key not in rows]

    async def _one(self, product: Product, keys: list[Key], columns: Sequence[str], rows: Rows) -> None:
        observer, started = self._sources.observer, time.perf_counter()
        try:
            source, call = self._sources.keyed[product.source], self._calls.to(product.source)
            followed, told = FOLLOWED.get(), None
            if followed is not None:
                asking = followed.asks(product.source, lambda: (product.id,), keys=len(keys))
                OUTGOING.set(asking.headers)  # this call is a task of its own, and so is what it changes here
                told = Told(asking)
            with told or NOBODY:
                found = await source.find(product, keys, columns, call)
            if told is not None:
                told.gave(sum(row is not None for row in found))
        except Refusal as refusal:
            observer.source_error(product.source, refusal.code)
            raise
        finally:
            observer.source(product.source, time.perf_counter() - started)
        rows.update(zip(keys, self._whole(product, keys, found, columns), strict=True))

    def _whole(
        self, product: Product, keys: list[Key], found: list[Row | None], columns: Sequence[str]
    ) -> list[Row | None]:
        """The rows with the parts of the key that are wanted; kept where they may be."""
        own = [(at, name) for at, name in enumerate(product.key) if name in columns]
        wanted = {name for _, name in own}
        if own:
            found = [
                row if row is None or wanted <= row.keys() else {**row, **{name: key[at] for at, name in own}}
                for key, row in zip(keys, found, strict=True)
            ]
        origin = self._origin(product)
        if origin is not None:
            for key, row in zip(keys, found, strict=True):
                self._sources.kept.keep(origin, key, row)
        return found

    def _origin(self, product: Product) -> Origin | None:
        """What kept rows of a product are known by; None where they may not be kept."""
        model = product.model
        if product.freshness is None or not (product.cache or (model is not None and model.deterministic)):
            return None
        identity = self._sources.identities.get(product.source, "")
        version = model.version if model is not None else ""
        session = self._calls.to(product.source).session
        return Origin(product.id, version, identity, self._sources.catalog.version, session, product.freshness)


def _looked_at(call: asyncio.Task[None]) -> None:
    """What a call that nobody waits for raised is no news."""
    if not call.cancelled():
        call.exception()


def _cut(keys: list[Key], size: int) -> Iterator[list[Key]]:
    for start in range(0, len(keys), max(1, size)):
        yield keys[start : start + max(1, size)]

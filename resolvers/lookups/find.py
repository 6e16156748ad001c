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


class Found:
    """The raw rows of one request, by product and key."""

    def __init__(self, sources: Sources, calls: Calls) -> None:
        self._sources, self._calls = sources, calls
        self._asked: dict[tuple[str, Key], asyncio.Future[Row | None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, product: str, keys: Sequence[Key], columns: Sequence[str]) -> int:
        """Begin to ask for those of these keys that nobody asked for yet. Returns in how many calls."""
        of = self._sources.catalog.products[product]
        loop = asyncio.get_running_loop()
        new = [key for key in dict.fromkeys(keys) if (product, key) not in self._asked]
        for key in new:
            self._asked[product, key] = loop.create_future()
        return self._ask(of, self._kept(of, new), columns)

    async def rows(self, product: str, keys: Sequence[Key]) -> dict[Key, Row | None]:
        """The rows of keys that were asked for. Raises `Refusal` where one of their calls failed."""
        return {key: await self._asked[product, key] for key in keys}

    def _kept(self, product: Product, keys: list[Key]) -> list[Key]:
        """Answer from what is kept; the keys that are left."""
        store, origin = self._sources.kept, self._origin(product)
        if origin is None:
            return keys
        left: list[Key] = []
        for key in keys:
            kept = store.find(origin, key)
            if kept is None:
                left.append(key)
            else:
                self._asked[product.id, key].set_result(kept[0])
        return left

    def _ask(self, product: Product, keys: list[Key], columns: Sequence[str]) -> int:
        if not keys:
            return 0
        calls = list(_cut(keys, self._sources.keyed[product.source].batch(product)))
        for some in calls:
            task = asyncio.ensure_future(self._one(product, some, columns))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return len(calls)

    async def _one(self, product: Product, keys: list[Key], columns: Sequence[str]) -> None:
        observer, started = self._sources.observer, time.perf_counter()
        try:
            found = await self._sources.keyed[product.source].find(
                product, keys, columns, self._calls.to(product.source)
            )
            if len(found) != len(keys):
                raise ValueError(f"{product.source} gave {len(found)} rows for {len(keys)} keys")
        except Refusal as refusal:
            observer.source_error(product.source, refusal.code)
            self._fail(product, keys, refusal)
        except asyncio.CancelledError:
            for key in keys:
                self._asked[product.id, key].cancel()
            raise
        except Exception as error:  # noqa: BLE001  # whoever waits for a key raises it
            self._fail(product, keys, error)
        else:
            self._settle(product, keys, found)
        finally:
            observer.source(product.source, time.perf_counter() - started)

    def _settle(self, product: Product, keys: list[Key], found: list[Row | None]) -> None:
        store, origin = self._sources.kept, self._origin(product)
        for key, row in zip(keys, found, strict=True):
            whole = None if row is None else {**row, **dict(zip(product.key, key, strict=True))}
            if origin is not None:
                store.keep(origin, key, whole)
            self._asked[product.id, key].set_result(whole)

    def _fail(self, product: Product, keys: list[Key], error: Exception) -> None:
        for key in keys:
            future = self._asked[product.id, key]
            future.set_exception(error)
            future.exception()  # it is looked at, also where nobody waits for this key any more

    def _origin(self, product: Product) -> Origin | None:
        """What kept rows of a product are known by; None where they may not be kept."""
        model = product.model
        if product.freshness is None or not (product.cache or (model is not None and model.deterministic)):
            return None
        identity = self._sources.identities.get(product.source, "")
        version = model.version if model is not None else ""
        return Origin(
            product.id,
            version,
            identity,
            self._sources.catalog.version,
            self._calls.to(product.source).session,
            product.freshness,
        )

    def close(self) -> None:
        """End the calls that are still under way: nobody waits for them any more."""
        for task in list(self._tasks):
            task.cancel()


def _cut(keys: list[Key], size: int) -> Iterator[list[Key]]:
    for start in range(0, len(keys), max(1, size)):
        yield keys[start : start + max(1, size)]

"""A keyed source behind its guard: what the catalog says of a product decides whether a question may be asked twice.

Feature look-ups are reads, so they may. A model may only where it is declared deterministic: another may count, learn
or bill by the call. `check` goes past the guard, so that readiness sees the source itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from resolvers.backends.backend import Deadline
from resolvers.backends.keyed.keyed import Call, Key, Keyed, Row
from resolvers.backends.places import Places
from resolvers.backends.reliability.guard import Guard
from schema.catalog import Product


class Guarded:
    """Any `Keyed`, bounded, with a breaker, retries and hedges as its guard's settings say."""

    def __init__(self, inner: Keyed, guard: Guard) -> None:
        self.name = inner.name
        self._inner, self._guard = inner, guard

    def batch(self, product: Product) -> int:
        return self._inner.batch(product)

    def fit(self, product: Product) -> None:
        self._inner.fit(product)

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        async def ask(until: Deadline) -> list[Row | None]:
            return await self._inner.find(product, keys, columns, replace(call, deadline=until))

        return await self._guard.run(ask, call.deadline, twice=product.model is None or product.model.deterministic)

    async def check(self) -> None:
        await self._inner.check()

    def places(self) -> list[Places]:
        return [self._guard.places(), *self._inner.places()]

    async def close(self) -> None:
        await self._guard.close()
        await self._inner.close()

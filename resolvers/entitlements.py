"""Entitlements: what a policy looks up about the caller before a query runs, as one list bind.

Read raw from products that are never published, correlated to claims only. An answer is kept for the declared time,
which is the revocation delay; never longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from sqlglot import exp

from policies.rules import Entitlement
from resolvers.backends.backend import Backend, Bounds, Deadline
from resolvers.backends.binding import values
from resolvers.bind import Request
from resolvers.followed import FOLLOWED, NOBODY, Told
from resolvers.natural import natural
from schema.errors import Refusal
from schema.query import Slot

_KEPT = 10_000
_Key = tuple[str, tuple[object, ...]]


class Entitlements:
    """Resolves and keeps them. ``slot_of`` gives the slot of a claim or request placeholder."""

    def __init__(
        self,
        declared: Mapping[str, Entitlement],
        backends: Mapping[str, Backend],
        slot_of: Callable[[str], Slot],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._declared, self._backends, self._slot_of, self._clock = declared, backends, slot_of, clock
        self._kept: dict[_Key, tuple[float, tuple[object, ...]]] = {}

    async def resolve(
        self, names: frozenset[str], request: Request, deadline: Deadline
    ) -> Mapping[str, tuple[object, ...]]:
        """The lists by entitlement id. Raises `Refusal` CH605 where one is longer than its cap."""
        return {name: await self._one(self._declared[name], request, deadline) for name in sorted(names)}

    async def _one(self, entitlement: Entitlement, request: Request, deadline: Deadline) -> tuple[object, ...]:
        slots = {node.name: self._slot_of(node.name) for node in entitlement.select.find_all(exp.Placeholder)}
        key: _Key = (entitlement.id, tuple(_hashable(request.value(slot)) for slot in slots.values()))
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self._clock():
            return kept[1]
        asked = self._clock()
        found = await self._fetch(entitlement, slots, request, deadline)
        if len(self._kept) >= _KEPT:
            self._kept.clear()
        self._kept[key] = (asked + entitlement.ttl, found)
        return found

    async def _fetch(
        self, entitlement: Entitlement, slots: dict[str, Slot], request: Request, deadline: Deadline
    ) -> tuple[object, ...]:
        backend = self._backends[entitlement.source]
        select = entitlement.select.copy()
        item = select.expressions[0]
        wired = backend.dialect.wire(item.unalias(), entitlement.type)
        select.set("expressions", [exp.alias_(wired, "v0")])
        statement = backend.dialect.render(select.limit(entitlement.cap + 1), slots)
        followed = FOLLOWED.get()
        told = (
            None if followed is None else Told(followed.asks(entitlement.source, lambda: ("entitlement",), statement))
        )
        with told or NOBODY:
            rows = await backend.fetch(
                statement, values(statement, request.value), deadline, Bounds(entitlement.cap + 1, 1 << 24)
            )
        if told is not None:
            told.gave(len(rows))
        if len(rows) > entitlement.cap:
            raise Refusal(
                "CH605",
                "Your entitlements are more than this gateway can apply.",
                "Ask the data steward to raise the cap.",
                status=403,
            )
        found = tuple(natural(row[0], entitlement.type) for row in rows)
        # A NULL makes the answer UNKNOWN as a whole: nothing is granted by it, and a deny over it applies.
        return (None,) if None in found else found


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value

"""The current keys of one issuer, kept fresh in the background.

1. A key set is fetched at start and then every ``refresh`` seconds; what it lists is what counts, so a retired key is
   dropped and a rotated one known before it is first used.
2. A token with an unknown kid asks for one more fetch, at most every ``unknown_kid`` seconds; callers share it.
3. While the issuer does not answer, the known keys stay. An answer that is not a key set counts as no answer.

``generation`` changes with the keys: a verified token remembered under an older one is verified again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.log import event, failure
from app.tokens.fetch import TIMEOUT, Unavailable
from app.tokens.jwks import Key, Keys, read_jwks

PATIENCE = TIMEOUT + 1


@dataclass(frozen=True, slots=True)
class Pace:
    """How often keys are fetched, in seconds: in the background, and for kids nobody knows."""

    refresh: float = 25.0
    unknown_kid: float = 30.0


class KeySet:
    """Keys by (kid, algorithm). ``fetch`` gives the key set's text and may block: it runs in a thread. ``count`` is
    told changed, unchanged or failed of each fetch."""

    def __init__(
        self,
        name: str,
        algorithms: tuple[str, ...],
        fetch: Callable[[], bytes],
        pace: Pace,
        count: Callable[[str], None] = lambda result: None,
    ) -> None:
        self._count = count
        self.name, self.generation, self.loaded = name, 0, False
        self._algorithms, self._fetch, self._pace = algorithms, fetch, pace
        self._keys: Keys = {}
        self._asked = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._background: asyncio.Task[None] | None = None

    async def find(self, kid: str, alg: str) -> Key | None:
        """The key for a token, after one more fetch where the kid is new and the pace allows it."""
        key = self._keys.get((kid, alg))
        if key is None and not any(known == kid for known, _ in self._keys) and self._may_ask():
            await self.refresh()
            key = self._keys.get((kid, alg))
        return key

    def _may_ask(self) -> bool:
        if self._fetching is not None:
            return True  # somebody asked already: share the answer
        now = time.monotonic()
        if now - self._asked < self._pace.unknown_kid:
            return False
        self._asked = now
        return True

    async def refresh(self) -> None:
        """Fetch the keys now, or wait for the fetch under way, a few seconds at most. Keeps the known keys when that
        fails."""
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._load())
            self._fetching.add_done_callback(self._fetched)
        await asyncio.wait({self._fetching}, timeout=PATIENCE)  # resolving a name may hang, a request must not

    def _fetched(self, fetching: asyncio.Task[None]) -> None:
        self._fetching = None
        if not fetching.cancelled() and (error := fetching.exception()) is not None:
            failure("keys", error)

    async def _load(self) -> None:
        try:
            keys = read_jwks(await asyncio.to_thread(self._fetch), self._algorithms)
        except (Unavailable, ValueError) as error:
            self._count("failed")
            event("keys_unavailable", "warning", issuer=self.name, reason=str(error), known=len(self._keys))
            return
        self.loaded = True
        if {where: key.print for where, key in keys.items()} == {where: key.print for where, key in self._keys.items()}:
            self._count("unchanged")
        else:
            self._count("changed")
            self._keys, self.generation = keys, self.generation + 1
            event("keys_changed", issuer=self.name, kids=sorted({kid for kid, _ in keys}))

    def start(self) -> None:
        """Begin to keep the keys fresh."""
        if self._background is None:
            self._background = asyncio.create_task(self._keep_fresh())

    async def _keep_fresh(self) -> None:
        wait = 0.5
        while True:
            await self.refresh()
            wait = self._pace.refresh if self.loaded else min(wait * 2, self._pace.refresh)
            await asyncio.sleep(wait)

    async def close(self) -> None:
        tasks = [task for task in (self._background, self._fetching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""What is being served right now, as one value: each request takes exactly one and keeps it to its end.

A reload makes a new `Serving` and swaps it in with one assignment. The old one is closed when the last request that
took it has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol

from app import garbage
from app.authenticate import Authenticator
from app.documents.desk import Desk
from app.partners.door import Door
from app.project import Project
from app.tokens.keyset import KeySet
from resolvers.backends.opened import Opened
from resolvers.operation import Answer, Before, Operation
from schema.caller import Caller
from schema.errors import Refusal
from schema.visible import VisibleSet
from schema.zone import Zone

_SWEEP = 1.0


class Answering(Protocol):
    """What the app needs of `resolvers.engine.Engine`."""

    async def answer(self, operation: Operation, caller: Caller, before: Before | None = None) -> Answer: ...
    def visible(self, caller: Caller) -> VisibleSet: ...
    async def knows(self, caller: Caller, text: str) -> bool: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Serving:
    """One version of everything a request needs. ``log_key`` makes the log's caller marks; ``release`` gives back what
    other versions may share (sources, key sets). ``door`` None: the zone has no partners and no rates."""

    project: Project
    zone: Zone
    engine: Answering
    authenticator: Authenticator
    backends: Mapping[str, Opened]
    keysets: tuple[KeySet, ...]
    log_key: bytes
    desk: Desk
    release: Callable[[], Awaitable[None]]
    door: Door | None = None

    async def close(self) -> None:
        await self.engine.close()
        await self.release()


@dataclass(slots=True)
class Held:
    """One serving with the number of requests that hold it: the context manager of each of them, which gives it."""

    serving: Serving
    ended: Callable[[Held], None]
    users: int = 0
    retired: bool = False

    def __enter__(self) -> Serving:
        return self.serving

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.users -= 1
        if self.retired:
            self.ended(self)


@dataclass(slots=True)
class Switch:
    """Holds the current serving. ``draining`` is set when the process is about to end."""

    draining: bool = False
    _current: Held | None = None
    _closing: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def current(self) -> Serving | None:
        """What a new request would be given."""
        return None if self._current is None else self._current.serving

    @property
    def restricted(self) -> bool:
        """Whether partners are served: then refusals have one shape each, and pages for people are not there."""
        return self._current is not None and self._current.serving.zone.restricted

    def take(self) -> Held:
        """Hold the current serving until the end of the block, which must follow. Raises Refusal CH152 where nothing is
        served yet."""
        current = self._current
        if current is None:
            raise Refusal("CH152", "The service is starting.", "Try again shortly.", status=503)
        current.users += 1
        return current

    def swap(self, serving: Serving) -> None:
        """Serve this from now on. The one before is closed when its requests have ended."""
        before, self._current = self._current, Held(serving, self._ended)
        if before is not None:
            before.retired = True
            self._ended(before)

    def _ended(self, held: Held) -> None:
        if held.retired and held.users == 0:
            task = asyncio.create_task(held.serving.close())
            self._closing.add(task)
            task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        asyncio.get_running_loop().call_later(_SWEEP, garbage.sweep)  # when no frame holds the old version any more

    async def close(self) -> None:
        """Close everything."""
        if self._current is not None:
            await self._current.serving.close()
        await asyncio.gather(*self._closing)

"""Stops: which partners of a zone are stopped, as one process knows it.

1. Look at the file twice a second; where processes share a Valkey or Redis, at its records too.
2. A partner is stopped while the file says so, or while the newest record does.
3. Whoever is stopped is refused from then on (CH313), and what is being answered for it is cancelled.

What cannot be read changes nothing: what was known stays known, and the log says it. A file that has vanished, and a
record that has, is such a thing too; a record is then written again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from app.log import event
from app.partners.stop import Record, Stop
from app.partners.stops_file import StopsError, read_stops
from schema.errors import Refusal

if TYPE_CHECKING:
    from app.partners.stops_shared import SharedStops

EVERY = 0.5
"""Seconds between looks."""
_Stamp = tuple[int, int, int]


class Stops:
    """The stops of one zone; a reload goes on using it. ``share`` opens what processes share, when there are
    partners; None: the file alone. ``told`` hears who is stopped from now on, or (None) is not any more."""

    def __init__(
        self,
        zone: str,
        path: Path,
        share: Callable[[], SharedStops] | None = None,
        told: Callable[[str, Stop | None], None] = lambda partner, stop: None,
    ) -> None:
        self._zone, self._path, self._share, self._told = zone, path, share, told
        self._shared: SharedStops | None = None
        self._partners: tuple[str, ...] = ()
        self._filed: Mapping[str, Stop] = {}
        self._known: dict[str, Record] = {}
        self._stopped: dict[str, Stop] = {}
        self._inside: dict[str, set[Inside]] = {}
        self._stamp: _Stamp | None = None
        self._complained: set[str] = set()
        self._read = False

    def declare(self, partners: Iterable[str]) -> None:
        """These are the zone's partners. The file is read when there are some for the first time. Raises StopsError."""
        self._partners = tuple(partners)
        if self._partners and not self._read:
            self._stamp = self._now()
            self._filed = read_stops(self._path).get(self._zone, {})
            self._read = True
            self._shared = None if self._share is None else self._share()
            self._apply()

    def inside(self, partner: str) -> Inside:
        """A context manager around whatever is done for a partner."""
        return Inside(self, partner)

    def stopped(self, partner: str) -> bool:
        return partner in self._stopped

    async def look_first(self) -> None:
        """Look once, where there are partners."""
        if self._partners:
            await self.look()

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(EVERY)
            await self.look_first()

    async def look(self) -> None:
        """Look once."""
        try:
            stamp = await asyncio.to_thread(self._now)
            if stamp != self._stamp:
                self._filed = (await asyncio.to_thread(self._again, stamp)).get(self._zone, {})
                self._stamp = stamp
            self._well("file")
        except (StopsError, OSError) as error:
            self._complain("file", "stops_unreadable", said=str(error))
        if self._shared is not None:
            try:
                await self._compare(self._shared)
                self._well("shared")
            except Exception as error:  # noqa: BLE001 - whatever a server does, what was known stays known
                self._complain("shared", "stops_not_shared", kind=type(error).__name__)
        self._apply()

    async def close(self) -> None:
        if self._shared is not None:
            await self._shared.close()

    async def _compare(self, shared: SharedStops) -> None:
        """Learn what is newer there, and say what is newer here."""
        found = await shared.read(self._partners)
        for name in self._partners:
            filed, there, known = self._filed.get(name), found.get(name), self._known.get(name)
            here = known
            if filed is not None and (known is None or filed.since > known.at):
                here = Record(filed.since, filed)
            if there is not None and (here is None or there.at >= here.at):
                self._known[name] = there
            elif here is not None:
                self._known[name] = here
                await shared.write(name, here)

    def _apply(self) -> None:
        said = {name: record.stop for name, record in self._known.items() if record.stop is not None}
        stopped = {name: stop for name, stop in {**said, **self._filed}.items() if name in self._partners}
        before, self._stopped = self._stopped, stopped
        for name in stopped.keys() - before.keys():
            event("partner_stopped", "warning", zone=self._zone, partner=name, since=stopped[name].moment)
            self._told(name, stopped[name])
            for inside in tuple(self._inside.get(name, ())):
                inside.end()
        for name in before.keys() - stopped.keys():
            event("partner_resumed", "warning", zone=self._zone, partner=name)
            self._told(name, None)

    def _now(self) -> _Stamp | None:
        try:
            at = self._path.stat()
        except FileNotFoundError:
            return None
        return at.st_mtime_ns, at.st_size, at.st_ino

    def _again(self, stamp: _Stamp | None) -> Mapping[str, Mapping[str, Stop]]:
        if stamp is None:
            raise StopsError(f"CH337 {self._path} has vanished; what it said holds on.")
        return read_stops(self._path)

    def _complain(self, what: str, name: str, **said: object) -> None:
        """Say it once, until it is well again."""
        if what not in self._complained:
            self._complained.add(what)
            event(name, "error", zone=self._zone, **said)

    def _well(self, what: str) -> None:
        if what in self._complained:
            self._complained.discard(what)
            event(f"stops_{what}_again", zone=self._zone)


class Inside:
    """What is being done for a partner by the current task. Raises `Refusal` CH313 where the partner is stopped, and in
    place of the cancellation that its stop causes."""

    __slots__ = ("_ended", "_partner", "_stops", "_task")

    def __init__(self, stops: Stops, partner: str) -> None:
        self._stops, self._partner, self._ended = stops, partner, False

    def __enter__(self) -> Inside:
        if self._partner in self._stops._stopped:
            raise stopped()
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is worked on in a task")
        self._task = task
        self._stops._inside.setdefault(self._partner, set()).add(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stops._inside[self._partner].discard(self)
        task = self._task
        del self._task  # whose frames hold this object, and would wait with it for the garbage collector
        if self._ended and kind is not None and issubclass(kind, asyncio.CancelledError) and not task.uncancel():
            raise stopped() from None

    def end(self) -> None:
        if not self._ended:
            self._ended = True
            self._task.cancel()


def stopped() -> Refusal:
    return Refusal("CH313", "This partner is stopped.", "Ask whoever gave you access.", status=403)

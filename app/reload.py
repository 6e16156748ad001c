"""Reload: watch the project's files, load what changed off the event loop, and swap it in.

1. Look at names, times and sizes every second; on SIGHUP look at once.
2. When they differ, wait until the writer has settled, and compare contents: a touched file is no change.
3. Load catalog and policies in a thread, keep of them what the zones here need, and assemble a new `Serving` for each.
4. Swap all of them. If anything is wrong with one, say so in the log and go on serving what there was, in every zone.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from app.loaded import Loaded
from app.log import event, failure
from app.metrics.metrics import Metrics
from app.project import Project, fingerprint, settled, stamp
from app.serving import Serving, Switch
from app.settings import StartError
from schema.errors import LoadErrors


class Place(Protocol):
    """Where one zone is served (`app.hall.Hall`)."""

    @property
    def zone(self) -> str: ...
    @property
    def switch(self) -> Switch: ...
    async def assemble(self, seen: Project) -> Serving: ...


class Reloader:
    """Keeps the zones of a worker up to date with a project's directory. ``load`` reads it again, in a thread;
    ``served`` is told what is served from now on, ``refused`` why new files are not."""

    def __init__(
        self,
        places: Sequence[Place],
        root: Path,
        load: Callable[[], Loaded],
        every: float,
        metrics: Metrics,
        served: Callable[[Loaded], None] = lambda loaded: None,
        refused: Callable[[list[str]], None] = lambda errors: None,
    ) -> None:
        self._metrics, self._served, self._refused = metrics, served, refused
        self._places, self._load = places, load
        self._root, self._every = root, every
        self._asked = asyncio.Event()
        self._tried = ""
        self._seen: tuple[tuple[str, int, int], ...] = ()

    def ask(self) -> None:
        """Look now, and load again even where nothing seems to have changed."""
        self._asked.set()

    async def start(self, loaded: Loaded) -> None:
        """Serve the project as it was loaded. Raises StartError."""
        self._tried = loaded.fingerprint
        self._swap(await self._assembled(loaded))
        self._served(loaded)

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._asked.wait(), self._every or None)
            asked = self._asked.is_set()
            self._asked.clear()
            try:
                await self.look(asked)
            except Exception as error:  # noqa: BLE001 - whatever goes wrong with new files, the old ones are served on
                failure("reload", error)

    async def look(self, asked: bool) -> None:
        """Reload if the files' contents have changed, or in any case where it was asked for."""
        now = await asyncio.to_thread(stamp, self._root)
        if now == self._seen and not asked:
            return
        self._seen = await asyncio.to_thread(settled, self._root)
        found = await asyncio.to_thread(fingerprint, self._root)
        if asked or found != self._tried:
            self._tried = found
            await self.reload()

    async def reload(self) -> bool:
        """Load and swap. Gives whether the new files are served."""
        try:
            loaded = await asyncio.to_thread(self._load)
            servings = await self._assembled(loaded)
        except LoadErrors as errors:
            return self._refuse([str(error) for error in errors.errors[:50]])
        except StartError as error:
            return self._refuse([str(error)])
        self._swap(servings)
        self._served(loaded)
        self._metrics.reload("served")
        event("reloaded", catalog=loaded.catalog, policies=loaded.policies)
        return True

    async def _assembled(self, loaded: Loaded) -> list[Serving]:
        """A new version of every zone, or of none."""
        made: list[Serving] = []
        try:
            for place in self._places:
                made.append(await place.assemble(loaded.zones[place.zone]))
        except BaseException:
            for serving in made:
                await serving.close()
            raise
        return made

    def _swap(self, servings: Sequence[Serving]) -> None:
        for place, serving in zip(self._places, servings, strict=True):
            place.switch.swap(serving)

    def _refuse(self, errors: list[str]) -> bool:
        self._metrics.reload("refused")
        event("reload_refused", "error", errors=errors)
        self._refused(errors)
        return False

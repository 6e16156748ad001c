"""Reload: watch the project's files, load what changed off the event loop, and swap it in.

1. Look at names, times and sizes every second; on SIGHUP look at once.
2. When they differ, wait until the writer has settled, and compare contents: a touched file is no change.
3. Load catalog and policies in a thread and assemble a new `Serving`.
4. Swap. If anything is wrong, say so in the log and go on serving what there was.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from app.assemble import Assembler, StartError
from app.log import event, failure
from app.metrics.metrics import Metrics
from app.project import Project, fingerprint, settled, stamp
from app.serving import Switch
from schema.errors import LoadErrors


class Reloader:
    """Keeps a switch up to date with a project's directory. ``load`` reads it again, in a thread; ``served`` is
    told what is served from now on."""

    def __init__(
        self,
        switch: Switch,
        assembler: Assembler,
        load: Callable[[], Project],
        project: Project,
        every: float,
        metrics: Metrics,
        served: Callable[[Project], None] = lambda project: None,
    ) -> None:
        self._metrics, self._served = metrics, served
        self._switch, self._assembler, self._load = switch, assembler, load
        self._project, self._root, self._every = project, project.root, every
        self._asked = asyncio.Event()
        self._tried = project.fingerprint
        self._seen: tuple[tuple[str, int, int], ...] = ()

    def ask(self) -> None:
        """Look now, and load again even where nothing seems to have changed."""
        self._asked.set()

    async def start(self) -> None:
        """Serve the project as it was loaded. Raises StartError."""
        self._switch.swap(await self._assembler.assemble(self._project))
        self._served(self._project)

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
            project = await asyncio.to_thread(self._load)
            serving = await self._assembler.assemble(project)
        except LoadErrors as errors:
            return self._refuse([str(error) for error in errors.errors[:50]])
        except StartError as error:
            return self._refuse([str(error)])
        self._switch.swap(serving)
        self._served(project)
        self._metrics.reload("served")
        event("reloaded", catalog=project.catalog.version, policies=project.policies.version)
        return True

    def _refuse(self, errors: list[str]) -> bool:
        self._metrics.reload("refused")
        event("reload_refused", "error", errors=errors)
        return False

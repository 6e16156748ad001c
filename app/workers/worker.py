"""Worker: one process that answers, from start to end, for every zone whose door it was given.

It beats once a second to say that it runs, keeps reloading, and on SIGTERM drains: not ready, wait, stop accepting, let
requests end. What it does beside answering is a list of tasks, `_beside`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from functools import partial

from app import garbage, log
from app.audit.audit import auditing
from app.doors import url_of
from app.hall import Hall, halls, missing, sources
from app.loaded import Loaded
from app.metrics.metrics import Metrics
from app.metrics.sheet import Sheet, Version
from app.reload import Reloader
from app.work import Work
from app.workers.lifeline import Lifeline
from app.workers.server import Server, Way

_BEAT = 1.0
_TURN = 0.001  # seconds that a thread which compiles a new query may keep the event loop waiting

Task = Callable[[], Coroutine[None, None, None]]


async def serve_doors(
    work: Work,
    loaded: Loaded,
    sheet: Sheet,
    others: Sequence[Sheet] = (),
    lifeline: Lifeline | None = None,
    number: int = 0,
) -> None:
    """Until told to stop. ``others`` are the sheets of its siblings, ``number`` is its own among them. Raises
    StartError."""
    alone = work.settings.workers == 1
    async with auditing(work.settings.audit, None if alone else number, Metrics(sheet).audit) as audit:
        serving = _serve(work, halls(work, sheet, audit), loaded, sheet, others, lifeline)
        del loaded
        await serving


async def _serve(
    work: Work, at: Sequence[Hall], loaded: Loaded, sheet: Sheet, others: Sequence[Sheet], lifeline: Lifeline | None
) -> None:
    settings, metrics = work.settings, Metrics(sheet)
    ways = [Way(post.listener, hall.gateway, hall.switch) for post, hall in zip(work.posts, at, strict=True)]
    server = Server(ways, settings.shutdown_timeout, settings.drain_delay, sheet, others)
    served, refused = partial(_served, sheet, at), partial(_refused, at)
    reloader = Reloader(at, loaded.root, work.load, settings.reload_every, metrics, served, refused)
    await reloader.start(loaded)
    del loaded
    garbage.settle()
    sys.setswitchinterval(_TURN)
    sheet.beat(["catalog"])
    async with contextlib.AsyncExitStack() as beside:
        for hall in at:
            await beside.enter_async_context(hall.partners.watched())
        await beside.enter_async_context(_running(_beside(work, at, sheet, reloader)))
        for post in work.posts:
            log.event("serving", url=url_of(post.listener), zone=post.door.zone, pid=os.getpid())
        with _hearing(reloader), contextlib.nullcontext() if lifeline is None else lifeline.watching(server.orphaned):
            await server.serve([post.listener for post in work.posts])
    for hall in at:
        await hall.close()
    log.event("stopped")


def _beside(work: Work, at: Sequence[Hall], sheet: Sheet, reloader: Reloader) -> list[Task]:
    """What a worker does beside answering, each for as long as it answers."""
    lacks = partial(missing, at) if work.settings.admin is not None else None
    watched = [] if work.settings.admin is None else [partial(_pools, at, Metrics(sheet))]
    return [reloader.watch, partial(_beat, sheet, lacks), *watched]


async def _beat(sheet: Sheet, lacks: Callable[[], Awaitable[list[str]]] | None) -> None:
    """Say every second that this worker runs, and what it lacks, where somebody asks for that."""
    while True:
        lacking = [] if lacks is None else await lacks()
        sheet.beat(lacking)
        await asyncio.sleep(_BEAT / 5 if lacking else _BEAT)


async def _pools(at: Sequence[Hall], metrics: Metrics) -> None:
    """Say every second how full the pools of the sources are: looking at them costs a statement nothing."""
    while True:
        metrics.pools([(source.name, places) for source in sources(at) for places in source.places()])
        await asyncio.sleep(_BEAT)


@contextlib.asynccontextmanager
async def _running(tasks: Sequence[Task]) -> AsyncIterator[None]:
    """Run them beside the block."""
    begun = [asyncio.create_task(task()) for task in tasks]
    for one in begun:
        one.add_done_callback(_ended)
    try:
        yield
    finally:
        for one in begun:
            one.cancel()
        await asyncio.gather(*begun, return_exceptions=True)


def _ended(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.failure("beside", error)


@contextlib.contextmanager
def _hearing(reloader: Reloader) -> Iterator[None]:
    """Reload on SIGHUP, as long as the block runs."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reloader.ask)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def _served(sheet: Sheet, at: Sequence[Hall], loaded: Loaded) -> None:
    """Let the parent and the audit trail know what is served."""
    for hall in at:
        hall.acts.serving(loaded.zones[hall.zone])
    sheet.serve(Version(loaded.fingerprint, loaded.catalog, loaded.policies))


def _refused(at: Sequence[Hall], errors: Sequence[str]) -> None:
    for hall in at:
        hall.acts.reload_refused(errors)

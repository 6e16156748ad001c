"""Serve: one zone at one listener, by one process or by several.

1. Refuse to start in a way that would be unsafe: development keys beyond loopback or in production, no master key.
2. Load the project; a bad one ends the process with every error said.
3. Listen. Alone, work here; with several workers or an admin listener, look after those who do
   (`app.workers.supervise`).
4. A worker keeps reloading, and on SIGTERM drains: not ready, wait, stop accepting, let requests end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn
import uvloop

from app import garbage, log
from app.assemble import Assembler, MakeEngine, OpenSource, RevealSource, StartError
from app.caching import open_results
from app.http.gateway import Gateway
from app.http.listening import listening
from app.http.protocol import BoundedProtocol
from app.http.surround import Dictionary, Explain, Surround
from app.keyring import keyring
from app.metrics.metrics import Metrics
from app.metrics.sheet import Sheet, Version, sheets
from app.partners.open import open_partners
from app.project import Project
from app.reload import Reloader
from app.serving import Switch
from app.settings import Settings
from app.tokens.fetch import loopback
from app.workers.accept import Acceptor
from app.workers.admin import serve_admin
from app.workers.child import CannotServe
from app.workers.lifeline import Lifeline
from app.workers.supervise import Body, Supervisor

_BEAT = 1.0
_TURN = 0.001  # seconds that a thread which compiles a new query may keep the event loop waiting
_GRACE = 10.0  # seconds that a worker may be later than its own bounds on draining


@dataclass(frozen=True, slots=True)
class Parts:
    """What the gateway is made of, beside HTTP and tokens: how a project is loaded, opened, answered and explained."""

    load: Callable[[Path, str | None], Project]
    reveal_source: RevealSource
    open_source: OpenSource
    make_engine: MakeEngine
    dictionary: Dictionary
    explain: Explain


def serve(settings: Settings, zone: str | None, parts: Parts, environ: Mapping[str, str] = os.environ) -> None:
    """Serve until told to stop. Raises StartError, KeyringError, LoadErrors or OSError before anything is served."""
    refuse_unsafe(settings)
    project = parts.load(settings.project, settings.environment)
    chosen = zone or only_zone(project)
    declared = project.catalog.zones.get(chosen)
    if declared is None:
        known = ", ".join(sorted(project.catalog.zones))
        raise StartError(f"CH332 The project has no zone '{chosen}'. It has: {known}.")
    alone = declared.restricted
    keys = keyring(chosen, environ, settings.project, settings.dev_keys, declared.master_key, alone)
    log.configure(settings.log_level)
    _bridge_logging()
    with contextlib.ExitStack() as closing:
        closing.callback(log.flush)
        listener = closing.enter_context(listen(settings.host, settings.port))
        work = Work(settings, chosen, keys, parts, listener)
        if settings.workers == 1 and settings.admin is None:
            uvloop.run(_serve(work, project, sheets(1)[0]))
        else:
            admin = None if settings.admin is None else closing.enter_context(listen(*settings.admin))
            supervise(work, project, admin)


@dataclass(frozen=True, slots=True)
class Work:
    """What every worker needs. Nothing in it is open but the listener, so it can be had before a fork."""

    settings: Settings
    zone: str
    keys: Mapping[str, bytes]
    parts: Parts
    listener: socket.socket

    def load(self) -> Project:
        return self.parts.load(self.settings.project, self.settings.environment)


def supervise(work: Work, project: Project, admin: socket.socket | None) -> None:
    """Serve by several processes until told to stop. Raises StartError where they cannot."""
    settings, lifeline, written = work.settings, Lifeline.make(), sheets(work.settings.workers)

    def worker(number: int) -> Body:
        def body(project: Project) -> None:
            lifeline.let_go()
            log.configure(settings.log_level, worker=number)
            if admin is not None:
                admin.close()
            try:
                others = [sheet for at, sheet in enumerate(written) if at != number]
                uvloop.run(_serve(work, project, written[number], others, lifeline))
            except StartError as error:
                raise CannotServe(str(error)) from None
            finally:
                log.flush()

        return body

    def admins(_: Project) -> None:
        lifeline.let_go()
        work.listener.close()
        if admin is not None:
            serve_admin(admin, written, lifeline)

    patience = settings.drain_delay + settings.shutdown_timeout + _GRACE
    log.event("supervising", workers=settings.workers, admin=None if admin is None else url_of(admin))
    try:
        Supervisor(written, worker, None if admin is None else admins, work.load, project, patience).run()
    except CannotServe as reason:
        raise StartError(str(reason)) from None


def refuse_unsafe(settings: Settings) -> None:
    """Raise StartError CH330 where development keys would be within reach of others."""
    if not settings.dev_keys:
        return
    if settings.environment == "prod":
        raise StartError("CH330 --dev-keys is refused with CUSTOMHOUSE_ENV=prod.")
    if not loopback(settings.host):
        raise StartError(
            f"CH330 --dev-keys is refused on '{settings.host}': whoever reaches the gateway could be anybody. "
            "Listen on 127.0.0.1, or configure a real issuer and leave --dev-keys out."
        )


def only_zone(project: Project) -> str:
    """The zone of a project that has one. Raises StartError."""
    zones = sorted(project.catalog.zones)
    if len(zones) != 1:
        raise StartError(f"CH332 Say which zone to serve: --zone {' | '.join(zones)}.")
    return zones[0]


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises OSError."""
    name = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    return socket.create_server((name, port), family=family, backlog=2048)


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class _Server(uvicorn.Server):
    """uvicorn, ending in our order: first not ready, then no new connections, then the requests in flight.

    With ``others``, the sheets of other workers, it shares connections with them."""

    def __init__(
        self, config: uvicorn.Config, switch: Switch, delay: float, sheet: Sheet, others: Sequence[Sheet]
    ) -> None:
        super().__init__(config)
        self._switch, self._delay, self._sheet, self._others = switch, delay, sheet, others
        self._acceptor: Acceptor | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if not self._others or not sockets:
            await super().startup(sockets)
            return
        await super().startup([])
        state = self.server_state
        protocol = partial(BoundedProtocol, self.config, state, self.lifespan.state)
        self._acceptor = Acceptor(sockets[0], protocol, state.connections, self._sheet, self._others)
        self.servers = [self._acceptor]  # type: ignore[list-item]  # uvicorn closes it and waits for it, no more

    async def on_tick(self, counter: int) -> bool:
        if self._acceptor is not None:
            self._acceptor.count()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._switch.draining or sig == signal.SIGINT:
            self.force_exit = self.should_exit
            self.should_exit = True
            return
        self._switch.draining = True
        self._sheet.beat(["draining"])
        asyncio.get_running_loop().call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        log.event("draining", seconds=self._delay)
        asyncio.get_running_loop().call_later(self._delay, self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    def orphaned(self) -> None:
        """The parent has gone: leave the listener to whoever comes next, and let requests end."""
        log.event("orphaned", "error")
        self._switch.draining = True
        self._stop()


async def _serve(
    work: Work, project: Project, sheet: Sheet, others: Sequence[Sheet] = (), lifeline: Lifeline | None = None
) -> None:
    """One worker, from start to end. ``others`` are its siblings' sheets."""
    settings, parts, switch, metrics = work.settings, work.parts, Switch(), Metrics(sheet)
    results = open_results(settings, work.zone, work.keys, metrics.cache)
    partners = open_partners(settings, work.zone, work.keys)
    assembler = Assembler(
        settings,
        work.zone,
        work.keys,
        parts.make_engine,
        parts.reveal_source,
        parts.open_source,
        metrics,
        results,
        metrics.token,
        partners.door,
    )
    surround = Surround(switch, settings, parts.dictionary, parts.explain, metrics)
    gateway = Gateway(surround, settings, work.zone)
    server = _Server(listening(gateway, settings.shutdown_timeout), switch, settings.drain_delay, sheet, others)
    reloader = Reloader(switch, assembler, work.load, project, settings.reload_every, metrics, partial(_tell, sheet))
    await reloader.start()
    garbage.settle()
    sys.setswitchinterval(_TURN)
    missing = surround.missing if settings.admin is not None else None
    async with _watching(reloader), _beating(sheet, missing), partners.watched():
        log.event("serving", url=url_of(work.listener), zone=work.zone, pid=os.getpid())
        with contextlib.nullcontext() if lifeline is None else lifeline.watching(server.orphaned):
            await server.serve([work.listener])
    await switch.close()
    await results.close()
    log.event("stopped")


def _tell(sheet: Sheet, project: Project) -> None:
    """Let the parent know what is served."""
    sheet.serve(Version(project.fingerprint, project.catalog.version, project.policies.version))


@contextlib.asynccontextmanager
async def _beating(sheet: Sheet, missing: Callable[[], Awaitable[list[str]]] | None) -> AsyncIterator[None]:
    """Say every second that this worker runs, and what it lacks, where somebody asks for that."""

    async def beat() -> None:
        while True:
            lacks = [] if missing is None else await missing()
            sheet.beat(lacks)
            await asyncio.sleep(_BEAT / 5 if lacks else _BEAT)

    sheet.beat(["catalog"])
    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)


@contextlib.asynccontextmanager
async def _watching(reloader: Reloader) -> AsyncIterator[None]:
    """Reload on SIGHUP and when files change, as long as the block runs."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, reloader.ask)
    watch = asyncio.create_task(reloader.watch())
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


class _Bridge(logging.Handler):
    """Puts library log lines into our log. Only our own and uvicorn's texts are kept: a driver's may hold values."""

    _OURS = ("uvicorn", "app", "resolvers", "customhouse")

    def emit(self, record: logging.LogRecord) -> None:
        said: dict[str, object] = {"logger": record.name, "at": f"{record.module}:{record.lineno}"}
        if record.name.partition(".")[0] in self._OURS:
            said["message"] = record.getMessage()
        log.event("library", "error" if record.levelno >= logging.ERROR else "warning", **said)


def _bridge_logging() -> None:
    logging.basicConfig(handlers=[_Bridge()], level=logging.WARNING, force=True)

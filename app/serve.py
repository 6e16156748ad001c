"""Serve: one process, one zone, one listener.

1. Refuse to start in a way that would be unsafe: development keys beyond loopback or in production, no master key.
2. Load the project; a bad one ends the process with every error said.
3. Listen, keep reloading, and on SIGTERM drain: not ready, wait, stop accepting, let requests end.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn
import uvloop

from app import log
from app.assemble import Assembler, MakeEngine, OpenSource, RevealSource, StartError
from app.http.gateway import Gateway
from app.http.protocol import BoundedProtocol
from app.http.surround import Dictionary, Explain, Surround
from app.keyring import keyring
from app.project import Project
from app.reload import Reloader
from app.serving import Switch
from app.settings import Settings
from app.tokens.fetch import loopback

KEEP_ALIVE = 75  # seconds; longer than the idle time of the load balancers in front, so that they close first


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
    keys = keyring(chosen, environ, settings.project, settings.dev_keys)
    log.configure(settings.log_level)
    _bridge_logging()
    assembler = Assembler(settings, chosen, keys, parts.make_engine, parts.reveal_source, parts.open_source)
    listener = listen(settings.host, settings.port)
    try:
        uvloop.run(_serve(settings, project, assembler, parts, listener))
    finally:
        listener.close()
        log.flush()


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


class _Server(uvicorn.Server):
    """uvicorn, ending in our order: first not ready, then no new connections, then the requests in flight."""

    def __init__(self, config: uvicorn.Config, switch: Switch, delay: float) -> None:
        super().__init__(config)
        self._switch, self._delay = switch, delay

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._switch.draining or sig == signal.SIGINT:
            self.force_exit = self.should_exit
            self.should_exit = True
            return
        self._switch.draining = True
        asyncio.get_running_loop().call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        log.event("draining", seconds=self._delay)
        asyncio.get_running_loop().call_later(self._delay, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


async def _serve(
    settings: Settings, project: Project, assembler: Assembler, parts: Parts, listener: socket.socket
) -> None:
    switch = Switch()
    gateway = Gateway(Surround(switch, settings, parts.dictionary, parts.explain), settings)
    config = uvicorn.Config(
        gateway,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=int(settings.shutdown_timeout) or None,
    )
    server = _Server(config, switch, settings.drain_delay)
    reloader = Reloader(
        switch, assembler, lambda: parts.load(project.root, project.environment), project, settings.reload_every
    )
    await reloader.start()
    async with _watching(reloader):
        host, port = listener.getsockname()[:2]
        log.event("serving", url=f"http://{f'[{host}]' if ':' in host else host}:{port}", zone=assembler.zone)
        await server.serve([listener])
    await switch.close()
    log.event("stopped")


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

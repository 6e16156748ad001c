"""Server: uvicorn over one door or several, ending in our order.

Each listener has its own application, which a connection gets by the door it came in at, not by an address that it
says or that is looked up: no request can reach another zone's. At the end: first not ready, then no new connections,
then the requests in flight.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from types import FrameType

import uvicorn

from app import log
from app.http.listening import App, listening
from app.http.protocol import BoundedProtocol
from app.metrics.sheet import Sheet
from app.serving import Switch
from app.workers.accept import Acceptor, Share


@dataclass(frozen=True, slots=True)
class Way:
    """A listener, what answers behind it, and the switch that says when that is about to end."""

    listener: socket.socket
    app: App
    switch: Switch


class Server(uvicorn.Server):
    """``patience`` is as for `listening`, ``delay`` how many seconds it goes on before it takes no more connections.
    With ``others``, the sheets of other workers, it shares connections with them."""

    def __init__(
        self, ways: Sequence[Way], patience: float, delay: float, sheet: Sheet, others: Sequence[Sheet]
    ) -> None:
        self._configs = [listening(way.app, patience) for way in ways]
        super().__init__(self._configs[0])
        self._ways, self._delay, self._sheet, self._others = ways, delay, sheet, others
        self._share: Share | None = None
        self._draining = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup([])
        loop, connections = asyncio.get_running_loop(), self.server_state.connections
        self._share = Share(connections, self._sheet, self._others) if self._others else None
        for way, config in zip(self._ways, self._configs, strict=True):
            if not config.loaded:
                config.load()
            protocol = partial(BoundedProtocol, config, self.server_state, self.lifespan.state)
            if self._share is None:
                self.servers.append(await loop.create_server(protocol, sock=way.listener, backlog=config.backlog))
            else:
                acceptor = Acceptor(way.listener, protocol, self._share)
                self.servers.append(acceptor)  # type: ignore[arg-type]  # uvicorn closes it and waits for it, no more

    async def on_tick(self, counter: int) -> bool:
        if self._share is not None:
            self._share.count()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self._draining or sig == signal.SIGINT:
            self.force_exit = self.should_exit
            self.should_exit = True
            return
        self._not_ready()
        self._sheet.beat(["draining"])
        asyncio.get_running_loop().call_soon_threadsafe(self._drain)

    def _not_ready(self) -> None:
        self._draining = True
        for way in self._ways:
            way.switch.draining = True

    def _drain(self) -> None:
        log.event("draining", seconds=self._delay)
        asyncio.get_running_loop().call_later(self._delay, self._stop)

    def _stop(self) -> None:
        self.should_exit = True

    def orphaned(self) -> None:
        """The parent has gone: leave the listeners to whoever comes next, and let requests end."""
        log.event("orphaned", "error")
        self._not_ready()
        self._stop()

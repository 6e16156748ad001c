"""uvicorn's HTTP/1.1 protocol with bounds on a request's head, which uvicorn itself does not set.

It also says when a client has left, to whoever watches, so that no task has to wait for it.

A request line with headers that is too long, has too many headers or takes too long to arrive ends the connection, so
that a client who never finishes costs neither memory nor a socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.http.exchange import WATCH

MOST_HEAD = 64 * 1024
MOST_HEADERS = 200
HEAD_SECONDS = 30.0


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Bounds: `MOST_HEAD` bytes, `MOST_HEADERS` headers, `HEAD_SECONDS` for a head to arrive."""

    _reading_head = False
    _fed = 0
    _timer: asyncio.TimerHandle | None = None
    _watching: tuple[Callable[[], None], ...] = ()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)
        watching, self._watching = self._watching, ()
        for gone in watching:
            gone()

    def watch(self, gone: Callable[[], None]) -> None:
        """Call ``gone`` once when the connection is lost."""
        self._watching = (*self._watching, gone)

    def forget(self, gone: Callable[[], None]) -> None:
        """No longer call it."""
        self._watching = tuple(one for one in self._watching if one != gone)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._reading_head:
            self._fed += len(data)
            if self._fed > MOST_HEAD and not self.transport.is_closing():
                self.send_400_response("The request's head is too long.")

    def on_message_begin(self) -> None:
        self._reading_head, self._fed, self._head = True, 0, 0
        if self._timer is None:
            self._arm()
        super().on_message_begin()
        self.scope["extensions"] = {WATCH: self}  # type: ignore[dict-item]  # an object of ours

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._reading_head = False
        self._disarm()
        super().on_headers_complete()

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > MOST_HEAD or len(self.headers) >= MOST_HEADERS:
            raise OverlongHead

    def _arm(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class OverlongHead(Exception):
    """The head of a request is too long; the parser turns it into a refusal of the connection."""

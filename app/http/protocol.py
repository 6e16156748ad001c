"""uvicorn's HTTP/1.1 protocol with bounds on a request's head, which uvicorn itself does not set.

It also says when a client has left, to whoever watches, so that no task has to wait for it; and it offers a short way
for the usual exchange, whose body has arrived and whose answer is one piece (`Direct`): ASGI's messages, and the checks
of each header that we wrote ourselves, cost as much as a look-up in the database.

A request line with headers that is too long, has too many headers or takes too long to arrive ends the connection, so
that a client who never finishes costs neither memory nor a socket.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from app.http.exchange import DIRECT, WATCH

MOST_HEAD = 64 * 1024
MOST_HEADERS = 200
HEAD_SECONDS = 30.0


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Bounds: `MOST_HEAD` bytes, `MOST_HEADERS` headers, `HEAD_SECONDS` for a head to arrive."""

    _reading_head = False
    _fed = _arriving = 0
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
        self._arriving = len(data)
        super().data_received(data)
        if self._reading_head:
            self._fed += len(data)
            if self._fed > MOST_HEAD and not self.transport.is_closing():
                self.send_400_response("The request's head is too long.")

            if self._timer is None:
                self._arm()

    def on_message_begin(self) -> None:
        self._reading_head, self._fed = True, 0
        super().on_message_begin()
        self.scope["extensions"] = {WATCH: self}  # type: ignore[dict-item]  # an object of ours

    def on_headers_complete(self) -> None:
        self._reading_head = False
        self._disarm()
        if len(self.headers) > MOST_HEADERS or self._fed + self._arriving > MOST_HEAD:
            self._measure()
        super().on_headers_complete()
        if self.cycle is not None:
            self.scope["extensions"][DIRECT] = Direct(self.cycle, self.flow)  # type: ignore[assignment]  # ours

    def _measure(self) -> None:
        """More than a head may hold has arrived, a body with it perhaps: how much of it was the head?"""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MOST_HEAD or len(self.headers) > MOST_HEADERS:
            raise OverlongHead

    def _arm(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Direct:
    """One exchange past ASGI's messages. It does to uvicorn's request cycle what ``receive`` and ``send`` do."""

    __slots__ = ("_cycle", "_flow")

    def __init__(self, cycle: RequestResponseCycle, flow: FlowControl) -> None:
        # Weakly, because the cycle holds the scope, which holds this: requests must not wait for the garbage collector.
        self._cycle, self._flow = weakref.ref(cycle), flow

    def body(self) -> bytes | None:
        """The body, where all of it has arrived."""
        cycle = self._cycle()
        if cycle is None or cycle.more_body or cycle.waiting_for_100_continue or cycle.disconnected:
            return None
        body, cycle.body = bytes(cycle.body), bytearray()
        cycle.message_event.clear()
        return body

    def respond(self, status: int, head: bytes, body: bytes, close: bool) -> bool:
        """Send an answer of one piece; False where it has to be sent in the long way. ``head`` are header lines."""
        cycle = self._cycle()
        if cycle is None or self._flow.write_paused or cycle.response_started or cycle.disconnected:
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.keep_alive = cycle.keep_alive and not close
        ending = b"\r\n" if cycle.keep_alive else b"connection: close\r\n\r\n"
        cycle.transport.writelines([STATUS_LINE[status] + _lines(cycle.default_headers) + head + ending, body])
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()
        return True


_default: list[tuple[list[tuple[bytes, bytes]], bytes]] = [([], b"")]


def _lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The server's own headers (the date), which are a new list every second."""
    if headers is not _default[0][0]:
        _default[0] = (headers, b"".join([name + b": " + value + b"\r\n" for name, value in headers]))
    return _default[0][1]


class OverlongHead(Exception):
    """The head of a request is too long; the parser turns it into a refusal of the connection."""

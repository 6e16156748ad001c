"""uvicorn's HTTP/1.1 protocol with bounds on a request's head, which uvicorn itself does not set.

It also says when a client has left, to whoever watches, so that no task has to wait for it; and it offers a short way
for the usual exchange, whose body has arrived and whose answer is one piece (`Cycle`): ASGI's messages, and the checks
of each header that we wrote ourselves, cost as much as a look-up in the database.

A request line with headers that is too long or has too many headers is refused with a code, like what is no HTTP; that
ends the connection, as a head does that takes too long to arrive, so that a client who never finishes costs neither
memory nor a socket; nor does one who never reads its last answer. A connection at rest has one timer, which looks how
long it has been at rest, instead of one for each request.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Protocol, cast

import orjson
import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from app.http.exchange import ALWAYS, RawHeaders, new_id
from schema.errors import Refusal

MOST_HEAD = 64 * 1024
MOST_HEADERS = 200
HEAD_SECONDS = 30.0
SLOW_READER = 30.0
_PLAIN = b"/graphql"


class Crowding(Protocol):
    """What an application says of answers that it does not give itself: to requests beyond its bound, and to what is no
    request (`app.http.crowd.Crowd`)."""

    @property
    def most(self) -> int: ...
    def turned_away(self, method: str, url: bytes, headers: RawHeaders) -> tuple[bytes, bytes] | None: ...
    def refused(self, why: Refusal, headers: RawHeaders) -> bytes: ...


class BoundedProtocol(HttpToolsProtocol):
    """One connection. Bounds: `MOST_HEAD` bytes, `MOST_HEADERS` headers, `HEAD_SECONDS` for a head to arrive; and the
    application's ``slow_reader`` for what was written to be read, once it is closed."""

    _reading_head = _overlong = False
    _fed = _arriving = 0
    _timer: asyncio.TimerHandle | None = None
    _rests_since: float | None = None
    watching: Callable[[], None] | None = None
    """Called once when the connection is lost."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        crowd: Crowding | None = getattr(config.app, "crowd", None)
        self._crowd = crowd
        self._slow_reader: float = getattr(config.app, "slow_reader", SLOW_READER)
        self._most: float = math.inf if crowd is None else crowd.most

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        super().connection_lost(exc)
        gone, self.watching = self.watching, None
        if gone is not None:
            gone()

    def data_received(self, data: bytes) -> None:
        self._arriving = len(data)
        super().data_received(data)
        if self._reading_head:
            self._fed += len(data)
            if self._fed > MOST_HEAD and not self.transport.is_closing():
                self.send_400_response("")
            if self._timer is None:
                self._arm()

    def send_400_response(self, msg: str) -> None:
        """Refuse what arrives, and end the connection; ``msg`` is uvicorn's word for it."""
        if self.cycle is None or self.cycle.response_complete:  # else it would stand in the middle of an answer
            why = self._why()
            readers = b"" if self._crowd is None else self._crowd.refused(why, self.headers or [])
            self.transport.write(_refusal(why, _lines(self.server_state.default_headers) + readers))
        self._close()

    def _why(self) -> Refusal:
        if self._overlong or self._fed > MOST_HEAD:
            if len(self.url) > MOST_HEAD // 2:
                return Refusal("CH148", f"The address is longer than {MOST_HEAD // 2} bytes.", "Use POST.", status=414)
            return Refusal(
                "CH157",
                f"The request's head has more than {MOST_HEAD} bytes or {MOST_HEADERS} headers.",
                "Send fewer and shorter headers.",
                status=431,
            )
        return Refusal("CH158", "What arrived is no HTTP/1.1 request.", status=400)

    def on_message_begin(self) -> None:
        self._reading_head, self._fed = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._reading_head = False
        if self._timer is not None:
            self._disarm()
        if len(self.headers) > MOST_HEADERS or self._fed + self._arriving > MOST_HEAD:
            self._measure()
        cycle = self.cycle
        if len(self.tasks) >= self._most and (cycle is None or cycle.response_complete) and self._turn_away():
            return
        if self.url != _PLAIN or not (cycle is None or cycle.response_complete) or self.parser.should_upgrade():
            super().on_headers_complete()
            if self.cycle is not None:
                self.cycle.__class__ = Cycle
        else:
            self._begin()

    def _begin(self) -> None:
        """What uvicorn does for a request by itself, where nothing in it has to be taken apart."""
        version, scope = self.parser.get_http_version(), self.scope
        scope["method"], scope["http_version"] = self.parser.get_method().decode("ascii"), version
        scope["path"], scope["raw_path"], scope["query_string"] = "/graphql", _PLAIN, b""
        self.cycle = Cycle(
            scope,
            self.transport,
            self.flow,
            self.logger,
            self.access_logger,
            self.access_log,
            self.server_state.default_headers,
            asyncio.Event(),
            self.expect_100_continue,
            version != "1.0" and self.parser.should_keep_alive(),
            self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, self.app)

    def _turn_away(self) -> bool:
        """Answer one request too many, in whose place stands one that is over; what it sends on is passed over."""
        if self._crowd is None:
            return False
        said = self._crowd.turned_away(self.parser.get_method().decode("ascii"), self.url, self.headers)
        if said is None:
            return False
        stays = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        ending = b"\r\n" if stays else b"connection: close\r\n\r\n"
        self.transport.write(
            b"".join([STATUS_LINE[503], _lines(self.server_state.default_headers), said[0], ending, said[1]])
        )
        self.cycle = _OVER
        if stays:
            self.on_response_complete()
        else:
            self._close()
        return True

    def on_message_complete(self) -> None:
        if self.cycle is _OVER:
            self._rests_since = self.loop.time()
        super().on_message_complete()

    def _measure(self) -> None:
        """More than a head may hold has arrived, a body with it perhaps: how much of it was the head?"""
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MOST_HEAD or len(self.headers) > MOST_HEADERS:
            self._overlong = True
            raise OverlongHead

    def _arm(self) -> None:
        self._timer = self.loop.call_later(HEAD_SECONDS, self.timeout_keep_alive_handler)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _unset_keepalive_if_required(self) -> None:
        self._rests_since = None

    def timeout_keep_alive_handler(self) -> None:
        """End a connection whose head does not arrive, or which has been at rest for long enough."""
        self._close()

    def _close(self) -> None:
        self.transport.close()
        self._linger()

    def _linger(self) -> None:
        """Closing waits until what was written has been read: for a while only."""
        self._disarm()
        self._timer = self.loop.call_later(self._slow_reader, self.transport.abort)

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            self._linger()

    def on_response_complete(self) -> None:
        if self.pipeline and not self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            self._linger()
            return
        self.flow.resume_reading()
        self._rests_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._rest(self.timeout_keep_alive)

    def _rest(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self._rested)

    def _rested(self) -> None:
        """Close a connection that has been at rest for long enough."""
        self.timeout_keep_alive_task = None
        if self._rests_since is not None:
            left = self._rests_since + self.timeout_keep_alive - self.loop.time()
            if left > 0:
                self._rest(left)
            else:
                self.timeout_keep_alive_handler()


class Cycle(RequestResponseCycle):
    """A request to ``/graphql`` and its answer, past ASGI's messages: what ``receive`` and ``send`` would do to it.

    The application finds it behind ``receive`` (`app.http.exchange.short_way`)."""

    def watch(self, gone: Callable[[], None] | None) -> None:
        """Call ``gone`` once when the connection is lost; None: nobody. For as long as the application runs."""
        # The protocol is only held by its method, which uvicorn lets go of at the end: requests must not wait for the
        # garbage collector.
        self.on_response.__self__.watching = gone  # type: ignore[attr-defined]

    def whole(self) -> bytes | None:
        """The body, where all of it has arrived."""
        if self.more_body or self.waiting_for_100_continue or self.disconnected:
            return None
        body, self.body = bytes(self.body), bytearray()
        self.message_event.clear()
        return body

    def respond(self, status: int, head: bytes, body: bytes, close: bool) -> bool:
        """Send an answer of one piece; False where it has to be sent in the long way. ``head`` are header lines."""
        if self.flow.write_paused or self.response_started or self.disconnected:
            return False
        self.response_started = self.response_complete = True
        self.keep_alive = self.keep_alive and not close
        ending = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        head = STATUS_LINE[status] + _lines(self.default_headers) + head + ending
        if len(body) < _JOINED:
            self.transport.write(head + body)
        else:
            self.transport.writelines([head, body])
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()
        return True

    def drop(self) -> None:
        """End the connection at once. Closing it would wait until what was written has been read: for ever, where the
        client reads nothing."""
        self.disconnected = True
        self.transport.abort()


_JOINED = 4096
_OVER = cast(RequestResponseCycle, SimpleNamespace(response_complete=True, message_event=asyncio.Event()))
_default: list[tuple[list[tuple[bytes, bytes]], bytes]] = [([], b"")]


def _lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The server's own headers (the date), which are a new list every second."""
    if headers is not _default[0][0]:
        _default[0] = (headers, b"".join([name + b": " + value + b"\r\n" for name, value in headers]))
    return _default[0][1]


def _refusal(why: Refusal, default: bytes) -> bytes:
    """A problem document, with the headers that every answer has."""
    request_id = new_id()
    said: dict[str, object] = {"type": "about:blank", "title": why.message, "status": why.status}
    if why.hint is not None:
        said["detail"] = why.hint
    body = orjson.dumps({**said, "code": why.code, "request_id": request_id})
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id.encode("ascii")),
        (b"connection", b"close"),
        *ALWAYS,
    ]
    head = b"".join([name + b": " + value + b"\r\n" for name, value in headers])
    return STATUS_LINE[why.status] + default + head + b"\r\n" + body


class OverlongHead(Exception):
    """The head of a request is too long; the parser turns it into a refusal of the connection."""

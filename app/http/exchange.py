"""One HTTP exchange: a request's headers and bounded body, and its one answer.

Every answer carries the request's id, forbids sniffing and storing, and is written with back pressure: a reader that
stalls for too long is dropped. An answer sent before the body was read is followed by a short, bounded reading on, so
that the client sees it instead of a reset connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import math
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

from app.http.early import Early
from app.http.unread import Kept, Unread
from schema.errors import Refusal

if TYPE_CHECKING:
    from app.edge.via import Via

Scope: TypeAlias = MutableMapping[str, object]
Message: TypeAlias = MutableMapping[str, object]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
RawHeaders: TypeAlias = list[tuple[bytes, bytes]]

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_PIECE, _LONG_PIECE = 64 * 1024, 128 * 1024
_READ_ON_BYTES, _READ_ON_SECONDS = 8 * 1024 * 1024, 2.0
_NOSNIFF = (b"x-content-type-options", b"nosniff")
ALWAYS: RawHeaders = [_NOSNIFF, (b"cache-control", b"no-store")]

_NONE: RawHeaders = []


class ClientLeft(Exception):
    """The client closed the connection; there is nobody to answer."""


class Instead(NamedTuple):
    """An answer that is sent in place of another."""

    status: int
    content_type: str
    body: bytes
    extra: RawHeaders


Admit: TypeAlias = Callable[[int, int | None], Awaitable[Instead | None]]
"""Given an answer's status and length (None: it is sent in pieces); gives what is sent instead, or None."""


class Short(Protocol):
    """What a server can do for an exchange beyond ASGI's messages, if it is ours (`app.http.protocol.Cycle`)."""

    def watch(self, gone: Callable[[], None] | None) -> None: ...
    def whole(self) -> bytes | None: ...
    def respond(self, status: int, head: bytes, body: bytes, close: bool) -> bool: ...
    def drop(self) -> None: ...


def short_way(receive: Receive) -> Short | None:
    """The server's own part of an exchange, whose method ``receive`` is."""
    found: Short | None = getattr(receive, "__self__", None)
    return found if hasattr(found, "whole") else None


def raw_headers(scope: Scope) -> RawHeaders:
    headers = scope["headers"]
    return headers if isinstance(headers, list) else list(headers) if isinstance(headers, tuple) else []


def request_id_of(headers: RawHeaders) -> str:
    """The client's request id where it is well formed, else a new one."""
    given = [value for name, value in headers if name == b"x-request-id"]
    if len(given) == 1 and REQUEST_ID.fullmatch(given[0]):
        return given[0].decode("ascii")
    return new_id()


_numbers, _process = itertools.count(), [""]


def new_id() -> str:
    """Unique, not secret: a part that is the process's own, and a number."""
    number = next(_numbers)
    if number % 1_000_000 == 0:  # also in a process that was forked from one that had begun to count
        _process[0] = secrets.token_hex(10)
    return f"{_process[0]}{number & 0xFFFFFFFFFFFF:012x}"


class Exchange:
    """A request that wants exactly one answer. ``status`` and ``sent`` tell the log what was answered.

    ``via``: what a trusted peer says of it (`app.edge`). ``prefix`` stood before its path, as the client wrote it.
    ``also`` are headers for whatever answer it gets; ``early`` is that answer, where it is known already.
    ``cache_control``: how it may be stored, where it may."""

    via: Via | None = None
    prefix = ""
    also: RawHeaders = _NONE
    early: Early | None = None
    cache_control: bytes | None = None

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, slow_reader: float, unread: Unread | None = None
    ) -> None:
        self.began = time.perf_counter()
        self.method: str = scope["method"]  # type: ignore[assignment]  # as ASGI has it
        self.query: bytes = scope["query_string"]  # type: ignore[assignment]
        self.headers = headers = raw_headers(scope)
        single = dict(headers)
        self.single = single if len(single) == len(headers) else None
        """The headers by name, where none stands twice."""
        plain = self.single is not None and b"x-request-id" not in single
        self.request_id = new_id() if plain else request_id_of(headers)
        self.status = self.sent = 0
        self.closing = False
        self.admit: Admit | None = None
        """Asked before an answer is sent, where it may have to be withheld."""
        self._receive, self._send, self._slow_reader, self._account = receive, send, slow_reader, unread
        self.short = short_way(receive)
        self._unread: bool | None = None  # until it is read, or an answer has to know

    def within(self) -> float:
        """Seconds left of those that the peer in front waits; no bound where it does not say."""
        if self.via is None or self.via.seconds is None:
            return math.inf
        return max(0.0, self.began + self.via.seconds - time.perf_counter())

    def bounded(self, seconds: float) -> float:
        """No more seconds than the peer in front waits."""
        return seconds if self.via is None else min(seconds, self.within())

    def header(self, name: bytes) -> str:
        """A header's values, joined by commas; '' where it is absent."""
        if self.single is not None:
            value = self.single.get(name)
            return "" if value is None else value.decode("latin-1")
        values = [value for key, value in self.headers if key == name]
        return b",".join(values).decode("latin-1") if values else ""

    def _long_body(self) -> bool:
        """Whether a body follows that the server will not simply swallow after an early answer."""
        single = self.single
        if single is not None and b"transfer-encoding" not in single and b"expect" not in single:
            size = single.get(b"content-length", b"")
            if len(size) < 6 and (not size or (size.isdigit() and int(size) <= _PIECE)):
                return False
        length = self.header(b"content-length")
        short = not length or (length.isascii() and length.isdigit() and len(length) < 6 and int(length) <= _PIECE)
        return not short or bool(self.header(b"transfer-encoding") or self.header(b"expect"))

    async def body(self, most: int) -> bytes:
        """The whole body. Raises Refusal CH143 as soon as it is known to be too long, ClientLeft."""
        whole = self.short.whole() if self.short is not None else None
        if whole is None:
            length = self.header(b"content-length")
            if length.isascii() and length.isdigit() and (len(length) > 15 or int(length) > most):
                raise too_large(most)
        else:
            self._unread = False
            if len(whole) > most:
                raise too_large(most)
            return whole
        pieces: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            piece = message.get("body", b"")
            if isinstance(piece, bytes) and piece:
                size += len(piece)
                if size > most:
                    raise too_large(most)
                pieces.append(piece)
            if not message.get("more_body", False):
                self._unread = False
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def drop(self) -> None:
        """End the connection, whatever of its answer has not been read."""
        if self.short is not None:
            self.short.drop()

    async def left(self) -> None:
        """Return when the client has gone."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def respond(self, status: int, content_type: str, body: bytes, extra: RawHeaders | None = None) -> None:
        """Send the answer. Raises ClientLeft for a reader that stalls; and, before a byte is sent, `Refusal` CH164
        where too much waits to be read (`app.http.unread`)."""
        if len(body) <= _PIECE:
            await self._respond(status, content_type, body, extra, None)
            return
        with self.keeping(body) as kept:
            await self._respond(status, content_type, body, extra, kept)

    @contextlib.contextmanager
    def keeping(self, body: bytes) -> Iterator[Kept | None]:
        """Account for an answer while it is being read, if it is long. Raises `Refusal` CH164."""
        if self._account is None or len(body) <= _PIECE:
            yield None
            return
        kept = self._account.keep(body, self.drop)
        try:
            yield kept
        finally:
            self._account.release(kept)

    async def _respond(
        self, status: int, content_type: str, body: bytes, extra: RawHeaders | None, kept: Kept | None
    ) -> None:
        if self.admit is not None:
            instead = await self.admit(status, len(body))
            if instead is not None:
                status, content_type, body, extra = instead
                self.cache_control = None
        self.status, self.sent = status, len(body)
        if self.also:
            extra = [*(extra or ()), *self.also]
        if self._unread is None:
            self._unread = self._long_body()
        if self.short is not None and self.cache_control is None and self._is_short(body):
            head = _fixed(content_type, *(extra or ())) + b"content-length: %d\r\nx-request-id: %b\r\n" % (
                len(body),
                self.request_id.encode("ascii"),
            )
            if self.short.respond(status, head, body, self.closing):
                return
        always = ALWAYS if self.cache_control is None else [_NOSNIFF, (b"cache-control", self.cache_control)]
        headers = [(b"x-request-id", self.request_id.encode("ascii")), *always, *(extra or ())]
        if status != 304:  # what has no body says nothing about one
            headers.append((b"content-type", content_type.encode("ascii")))
            headers.append((b"content-length", b"%d" % len(body)))
        if self.closing or self._unread:
            headers.append((b"connection", b"close"))
        await self.taken({"type": "http.response.start", "status": status, "headers": headers})
        await self._write(b"" if self.method == "HEAD" else body, kept)

    async def stream(
        self, status: int, content_type: str, pieces: AsyncIterator[bytes], extra: RawHeaders | None = None
    ) -> None:
        """Send an answer piece by piece, as fast as it is read. What ``pieces`` raises leaves the answer without its
        end, so that the client sees that it was broken off. Raises ClientLeft for a reader that stalls."""
        if self.admit is not None:
            instead = await self.admit(status, None)
            if instead is not None:
                self.admit = None
                await self.respond(*instead)
                return
        self.status = status
        headers = [
            (b"content-type", content_type.encode("ascii")),
            (b"x-request-id", self.request_id.encode("ascii")),
            *ALWAYS,
            *(extra or ()),
            *self.also,
        ]
        if self.closing:
            headers.append((b"connection", b"close"))
        await self.taken({"type": "http.response.start", "status": status, "headers": headers})
        async for piece in pieces:
            self.sent += len(piece)
            await self.taken({"type": "http.response.body", "body": piece, "more_body": True})
        await self.taken({"type": "http.response.body", "body": b""})

    async def taken(self, message: Message) -> None:
        """Send it. Raises ClientLeft for a reader that stalls, be it over the answer before this one."""
        try:
            async with asyncio.timeout(self._slow_reader):
                await self._send(message)
        except TimeoutError:
            raise ClientLeft from None

    def _is_short(self, body: bytes) -> bool:
        return len(body) <= _PIECE and not self._unread and self.method != "HEAD"

    async def _write(self, body: bytes, kept: Kept | None) -> None:
        if len(body) <= _PIECE and not self._unread:
            await self.taken({"type": "http.response.body", "body": body})
            return
        await self.pieces(body, kept)
        if self._unread:
            await self._read_on()
        await self.taken({"type": "http.response.body", "body": b""})

    async def pieces(self, body: bytes, kept: Kept | None) -> None:
        """Send a part of an answer as fast as it is read. Raises ClientLeft for a reader that stalls, or has to make
        room for others."""
        view = memoryview(body)
        for at in range(0, len(body), _LONG_PIECE):
            piece = body if len(body) <= _LONG_PIECE else bytes(view[at : at + _LONG_PIECE])
            await self.taken({"type": "http.response.body", "body": piece, "more_body": True})
            if kept is not None:
                if kept.lost:
                    raise ClientLeft
                kept.took()

    async def _read_on(self) -> None:
        """Read the rest of a body that nobody wants, a little, so that the client gets to see the answer."""
        left = _READ_ON_BYTES
        try:
            async with asyncio.timeout(_READ_ON_SECONDS):
                while left > 0:
                    message = await self._receive()
                    piece = message.get("body", b"")
                    left -= len(piece) if isinstance(piece, bytes) else 0
                    if message["type"] == "http.disconnect" or not message.get("more_body", False):
                        return
        except TimeoutError:
            return


@functools.lru_cache(maxsize=64)
def _fixed(content_type: str, *extra: tuple[bytes, bytes]) -> bytes:
    """Header lines that many answers have, every part of which is ours or was checked."""
    lines = [(b"content-type", content_type.encode("ascii")), *ALWAYS, *extra]
    return b"".join([name + b": " + value + b"\r\n" for name, value in lines])


def too_large(most: int) -> Refusal:
    return Refusal("CH143", f"The request body is longer than {most} bytes.", "Send a shorter document.", status=413)

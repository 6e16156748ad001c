"""A small HTTP server on a real socket, which answers as a test says: also too late, too much, or half.

It proves what our client does with bytes that a server could send. That servers do send them is proven by the tests
against the real ones (`test_real_*.py`), or not at all where there is none.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> object:
        return orjson.loads(self.body)


@dataclass(frozen=True, slots=True)
class Reply:
    body: bytes
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)

    def wire(self) -> bytes:
        head = [f"HTTP/1.1 {self.status} Said", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*head, f"Content-Length: {len(self.body)}", "", ""]).encode() + self.body


def said(document: object) -> Reply:
    return Reply(orjson.dumps(document))


@dataclass(slots=True)
class Connection:
    """What a test may do with a connection in place of an answer."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    gone: asyncio.Event

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End it as a crashed process does: with RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def left(self) -> None:
        """Return when the client has closed it."""
        while await self.reader.read(65536):
            pass
        self.gone.set()


Answer = Callable[[Request], Reply]
Instead = Callable[[Request, Connection], Awaitable[None]]


@dataclass(slots=True)
class StandIn:
    """``answer`` makes replies. ``instead``, where it is set, has the connection for itself, which ends with it."""

    answer: Answer
    instead: Instead | None = None
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    now: int = 0
    most: int = 0
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    _writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def drop_idle(self) -> None:
        """Close every connection, as a server does that restarts."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while (request := await _request(reader)) is not None:
                self.requests.append(request)
                self.now += 1
                self.most = max(self.most, self.now)
                try:
                    if self.instead is not None:
                        await self.instead(request, Connection(reader, writer, self.gone))
                        return
                    writer.write(self.answer(request).wire())
                    await writer.drain()
                finally:
                    self.now -= 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _request(reader: asyncio.StreamReader) -> Request | None:
    line = await reader.readline()
    if not line:
        return None
    method, path, _ = line.decode().split(" ", 2)
    headers: dict[str, str] = {}
    while (line := (await reader.readline()).decode().strip()) != "":
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Request(method, path, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@asynccontextmanager
async def standing_in(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[StandIn]:
    """A server on a free port of loopback."""
    stand_in = StandIn(answer)
    server = await asyncio.start_server(stand_in.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    stand_in.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield stand_in
    finally:
        server.close()
        stand_in.drop_idle()
        await asyncio.sleep(0)

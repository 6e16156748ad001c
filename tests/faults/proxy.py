"""A TCP proxy that breaks things: stand it before a real server, and turn a fault on and off while clients talk.

    async with Proxy(port_of_the_server) as proxy:
        client = connect("127.0.0.1", proxy.port)
        await proxy.turn(Fault(black_hole=True))
        ...
        await proxy.turn(FINE)                 # as before; what lost bytes in between is reset

It lives in the test's event loop, on loopback, with real sockets; so a client that blocks belongs in a thread or in a
process of its own. A fault applies at once, to connections that are open and to new ones, and a pause that is running
ends when the fault changes. One direction is enough for most faults: what the server answers is what is broken.

Faults can be put together (latency and drip, latency and reset). They are those of a loopback: the client's kernel
does acknowledge what a half-open peer never reads, until its buffers are full, and no packet is ever lost or reordered.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, fields
from types import TracebackType

_PIECE = 1 << 16
_LINGER = struct.pack("ii", 1, 0)  # on, 0 seconds: closing sends RST


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the way.

    ``latency``     seconds before each piece of an answer
    ``drip``        bytes of an answer a second, one at a time
    ``reset_at``    RST in place of this byte of what the server sends from now on, counted for each connection
    ``black_hole``  accepts, takes everything, and never answers; a new connection never reaches the server
    ``half_open``   the other end is gone and nobody said so: nothing is read, nothing is written, no FIN is passed on
    ``garbage``     these bytes, again and again, in place of as many of an answer
    ``refuse``      nobody listens, and open connections are reset
    """

    latency: float = 0.0
    drip: float | None = None
    reset_at: int | None = None
    black_hole: bool = False
    half_open: bool = False
    garbage: bytes = b""
    refuse: bool = False

    def __str__(self) -> str:
        said = [f"{one.name}={value}" for one in fields(self) if (value := getattr(self, one.name)) != one.default]
        return ",".join(said) or "fine"


FINE = Fault()


class _Link:
    """One client and, once reached, its server. ``passed`` counts the answer's bytes since the fault was turned on;
    ``torn`` says that bytes were lost, so that the two ends no longer understand each other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.from_client, self.to_client = reader, writer
        self.to_server: asyncio.StreamWriter | None = None
        self.passed, self.torn = 0, False

    def reset(self) -> None:
        for writer in (self.to_client, self.to_server):
            if writer is not None and not writer.transport.is_closing():
                with suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
                writer.transport.abort()


class Proxy:
    """``connections`` were accepted so far, ``open`` are so now; ``marks`` counts ``mark`` in what clients sent, which
    for a protocol of lines is the requests that left them, also those that never arrived."""

    def __init__(self, server: int, mark: bytes = b"\n") -> None:
        self._server, self._mark = server, mark
        self._fault = FINE
        self._changed = asyncio.Event()
        self._flows = asyncio.Event()
        self._links: dict[_Link, asyncio.Task[None]] = {}
        self._listener: asyncio.Server | None = None
        self.port = self.connections = self.marks = 0

    @property
    def open(self) -> int:
        return len(self._links)

    async def __aenter__(self) -> Proxy:
        self._flows.set()
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listener is not None:
            self._listener.close()
        tasks = list(self._links.values())
        for link, task in list(self._links.items()):
            link.reset()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def turn(self, fault: Fault) -> None:
        """From now on this is wrong. Connections that lost bytes to the fault before are reset."""
        self._fault = fault
        for link in list(self._links):
            link.passed = 0
            if link.torn or fault.refuse:
                link.reset()
        (self._flows.clear if fault.half_open else self._flows.set)()
        self._changed.set()
        self._changed = asyncio.Event()
        if fault.refuse and self._listener is not None:
            self._listener.close()
            self._listener = None
        if not fault.refuse and self._listener is None:
            await self._listen()

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        link, task = _Link(reader, writer), asyncio.current_task()
        assert task is not None
        self._links[link] = task
        try:
            await self._relay(link)
        except (OSError, asyncio.CancelledError):
            pass  # either end is gone, or the proxy is closing
        finally:
            link.reset()
            del self._links[link]

    async def _relay(self, link: _Link) -> None:
        await self._flows.wait()
        if self._fault.black_hole:
            link.torn = True
            await self._up(link)
            return
        from_server, link.to_server = await asyncio.open_connection("127.0.0.1", self._server)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._until_gone(link, self._up(link)))
            both.create_task(self._until_gone(link, self._down(link, from_server)))

    async def _until_gone(self, link: _Link, pump: object) -> None:
        try:
            await pump  # type: ignore[misc]
        except OSError:
            link.reset()

    async def _up(self, link: _Link) -> None:
        while data := await link.from_client.read(_PIECE):
            self.marks += data.count(self._mark)
            await self._flows.wait()
            if self._fault.black_hole or link.to_server is None:
                link.torn = True
                continue
            link.to_server.write(data)
            await link.to_server.drain()
        await self._flows.wait()
        if link.to_server is not None and link.to_server.can_write_eof() and not link.to_server.is_closing():
            link.to_server.write_eof()

    async def _down(self, link: _Link, from_server: asyncio.StreamReader) -> None:
        while data := await from_server.read(_PIECE):
            await self._flows.wait()
            await self._pause(self._fault.latency)
            await self._answer(link, data)
        await self._flows.wait()
        if not self._fault.black_hole and not link.to_client.is_closing():
            link.to_client.write_eof()

    async def _answer(self, link: _Link, data: bytes) -> None:
        await self._flows.wait()
        fault = self._fault
        if fault.black_hole:
            link.torn = True
            return
        if fault.garbage:
            link.torn = True
            data = (fault.garbage * (len(data) // len(fault.garbage) + 1))[: len(data)]
        cut = fault.reset_at is not None and link.passed + len(data) >= fault.reset_at
        if fault.reset_at is not None and cut:
            data = data[: max(0, fault.reset_at - link.passed)]
        link.passed += len(data)
        for piece in [data] if fault.drip is None else [bytes([byte]) for byte in data]:
            link.to_client.write(piece)
            await link.to_client.drain()
            if fault.drip is not None and self._fault is fault:
                await self._pause(1 / fault.drip)
        if cut:
            link.reset()

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the fault."""
        if seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), seconds)

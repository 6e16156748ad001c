"""The wire between a back end and its store: a TCP proxy that fails in the ways networks do, and counts."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Literal

Fault = Literal["none", "hold", "black hole", "reset", "garbage", "drip"]
_WAIT = 20.0


class Wire:
    """A proxy on a port of its own, which stays the same when it is cut and mended.

    Faults: ``hold`` keeps answers back until it is over; ``black hole`` takes what is sent and passes nothing on;
    ``reset`` breaks the connection once something is asked; ``garbage`` answers with what is no protocol; ``drip``
    sends a byte of the answer now and then, so that no read takes long. ``open`` are the connections that the back end
    has open, ``trips`` how often it asked something, ``sent`` what it sent.
    """

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self._fault: Fault = "none"
        self.open = self.trips = self.waiting = 0
        self.sent = bytearray()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """Nobody answers any more, and what was connected is not."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def fail(self, fault: Fault) -> None:
        self._fault = fault
        if fault == "hold":
            self._passing.clear()
            self.waiting = 0
        else:
            self._passing.set()

    def count(self) -> None:
        """Count from here on."""
        self.trips = 0
        self.sent.clear()

    async def until(self, true: Callable[[], bool]) -> None:
        """Return once it is so; fail if it never is."""
        async with asyncio.timeout(_WAIT):
            while not true():
                await asyncio.sleep(0.005)

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        self.open += 1
        try:
            await self._between(reader, writer)
        except OSError:
            pass
        finally:
            self.open -= 1
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.transport.abort()

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(*self._to)
        turn = _Turn()
        answers = asyncio.create_task(self._answers(there, writer, turn))
        self._writers.add(back)
        try:
            while data := await reader.read(1 << 16):
                self.sent += data
                self.trips += turn.client
                self.waiting += turn.client
                turn.client = False
                if self._fault == "reset":
                    return
                if self._fault == "garbage":
                    writer.write(b"\x00\xffCANARY-7f3a" * 20 + b"\r\n\r\n")
                    await writer.drain()
                    return
                if self._fault != "black hole":
                    back.write(data)
        finally:
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)
            self._writers.discard(back)
            back.transport.abort()

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, turn: _Turn) -> None:
        while data := await there.read(1 << 16):
            await self._passing.wait()
            turn.client = True
            for byte in data if self._fault == "drip" else b"":
                writer.write(bytes((byte,)))
                await asyncio.sleep(0.1)
            if self._fault != "drip":
                writer.write(data)
        writer.close()


class _Turn:
    """Whether what the client sends next begins a new trip: all that is sent before something comes back is one."""

    client = True

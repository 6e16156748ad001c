"""The fault proxy itself: each fault as a client sees it, switched while connections are open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.faults.proxy import FINE, Fault, Proxy

Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that says back each line; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(line)
        except OSError:
            pass
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@asynccontextmanager
async def wired() -> AsyncIterator[tuple[Proxy, Wire]]:
    """A proxy before an echo, and a client that has talked through it."""
    async with echo() as port, Proxy(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await said((reader, writer), b"hello\n") == b"hello\n"
        try:
            yield proxy, (reader, writer)
        finally:
            writer.transport.abort()


async def said(wire: Wire, line: bytes) -> bytes:
    wire[1].write(line)
    async with asyncio.timeout(10):
        return await wire[0].readline()


async def silent(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.1):
            await reader.read(1)
    except TimeoutError:
        return True
    return False


async def test_what_passes_is_unchanged_and_counted() -> None:
    async with wired() as (proxy, wire):
        long = b"x" * 50_000 + b"\n"
        assert await said(wire, long) == long
        assert (proxy.connections, proxy.open, proxy.marks) == (1, 1, 2)
        wire[1].write_eof()
        assert await wire[0].read() == b""


async def test_latency_holds_an_answer_back_until_it_is_over() -> None:
    async with wired() as (proxy, wire):
        await proxy.turn(Fault(latency=600))
        wire[1].write(b"slow\n")
        assert await silent(wire[0])
        await proxy.turn(FINE)
        assert await wire[0].readline() == b"slow\n"


async def test_a_drip_brings_a_byte_at_a_time() -> None:
    async with wired() as (proxy, wire):
        await proxy.turn(Fault(drip=1))
        wire[1].write(b"abc\n")
        assert await wire[0].read(10) == b"a"
        assert await silent(wire[0])
        await proxy.turn(FINE)
        assert await wire[0].readline() == b"bc\n"


@pytest.mark.parametrize(("at", "arrives"), [(0, b""), (2, b"wo")])
async def test_a_reset_at_a_byte(at: int, arrives: bytes) -> None:
    async with wired() as (proxy, (reader, writer)):
        await proxy.turn(Fault(reset_at=at))
        writer.write(b"word\n")
        with pytest.raises(ConnectionResetError):
            while piece := await reader.read(10):
                assert piece == arrives
                arrives = b""
        assert arrives == b""
        await proxy.turn(FINE)
        again = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await said(again, b"word\n") == b"word\n"
        again[1].transport.abort()


async def test_a_black_hole_takes_everything_and_is_torn_afterwards() -> None:
    async with wired() as (proxy, old):
        await proxy.turn(Fault(black_hole=True))
        new = await asyncio.open_connection("127.0.0.1", proxy.port)
        for reader, writer in (old, new):
            writer.write(b"lost\n")
            await writer.drain()
            assert await silent(reader)
        assert proxy.marks == 3
        await proxy.turn(FINE)
        for reader, _ in (old, new):
            with pytest.raises(ConnectionResetError):
                await reader.read(1)
        new[1].transport.abort()


async def test_half_open_says_nothing_and_goes_on_where_it_was() -> None:
    async with wired() as (proxy, wire):
        await proxy.turn(Fault(half_open=True))
        wire[1].write(b"later\n")
        wire[1].write_eof()
        assert await silent(wire[0])
        await proxy.turn(FINE)
        assert await wire[0].read() == b"later\n"


async def test_garbage_in_place_of_an_answer() -> None:
    async with wired() as (proxy, wire):
        await proxy.turn(Fault(garbage=b"\x00\xff"))
        wire[1].write(b"word\n")
        assert await wire[0].readexactly(5) == b"\x00\xff\x00\xff\x00"


async def test_nobody_listens_and_then_somebody_does_at_the_same_address() -> None:
    async with wired() as (proxy, wire):
        await proxy.turn(Fault(refuse=True))
        with pytest.raises(ConnectionResetError):
            await wire[0].read(1)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", proxy.port)
        await proxy.turn(FINE)
        again = await asyncio.open_connection("127.0.0.1", proxy.port)
        assert await said(again, b"word\n") == b"word\n"
        again[1].transport.abort()


async def test_a_server_that_is_away_is_a_reset() -> None:
    async with echo() as port:
        pass
    async with Proxy(port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.transport.abort()


async def test_nothing_is_left_behind() -> None:
    async with wired() as (proxy, _):
        await proxy.turn(Fault(half_open=True))
        others = [await asyncio.open_connection("127.0.0.1", proxy.port) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert proxy.open == 4
    assert proxy.open == 0
    for _, writer in others:
        writer.transport.abort()
    assert [task for task in asyncio.all_tasks() if "Proxy" in repr(task)] == []

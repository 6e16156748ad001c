"""What every scoring back end does, against a stand-in for its server on a real socket.

These prove our side: what is sent, and what becomes of each thing that can come back. The stand-ins answer as the real
servers were seen to; `test_real_*.py` ask those (Vertex AI has no part to run, so for it this is all there is).
"""

from __future__ import annotations

import asyncio
import math
import traceback
from collections.abc import AsyncIterator, Iterator

import pytest

from resolvers.backends.keyed.keyed import Key, Keyed
from schema.errors import Refusal
from tests.keyed_http.products import CANARY, RISK, call, column, model
from tests.keyed_http.servers import KINDS, Kind
from tests.keyed_http.stand_in import Connection, Reply, Request, StandIn, standing_in

KEYS: list[Key] = [(1000.0, "UA", 150), (200.0, "B6", 9_007_199_254_740_993), (4000.0, f"{CANARY} 'quoted'", 1)]
ALL = ("probability", "label")
ROWS = [
    {"probability": 0.25, "label": "UA/150"},
    {"probability": 0.05, "label": "B6/9007199254740993"},
    {"probability": 1.0, "label": f"{CANARY} 'quoted'/1"},
]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Iterator[Kind]:
    yield request.param


@pytest.fixture
async def server(kind: Kind) -> AsyncIterator[StandIn]:
    async with standing_in(kind.answer) as server:
        yield server


@pytest.fixture
async def backend(kind: Kind, server: StandIn) -> AsyncIterator[Keyed]:
    backend = kind.open(server.url, connections=4, max_answer_bytes=100_000)
    yield backend
    await backend.close()


async def refused(backend: Keyed, code: str, seconds: float = 20) -> None:
    with pytest.raises(Refusal) as caught:
        await backend.find(RISK, KEYS, ALL, call(seconds))
    refusal = caught.value
    assert refusal.code == code
    assert CANARY not in f"{refusal.message} {refusal.hint}" + "".join(traceback.format_exception(refusal))


async def test_rows_stand_as_their_keys_do(backend: Keyed, server: StandIn) -> None:
    assert await backend.find(RISK, KEYS, ALL, call()) == ROWS
    assert await backend.find(RISK, KEYS[::-1], ALL, call()) == ROWS[::-1]
    assert len(server.requests) == 2
    assert server.connections == 1


@pytest.mark.parametrize("wanted", [(), ("label",)])
async def test_a_row_holds_all_outputs_whatever_is_wanted(backend: Keyed, wanted: tuple[str, ...]) -> None:
    assert await backend.find(RISK, KEYS, wanted, call()) == ROWS


async def test_nulls(backend: Keyed, server: StandIn) -> None:
    """A null goes where the model takes one; NaN is a null; what cannot be sent gives no scoring, and is not sent."""
    keys: list[Key] = [(None, "UA", 1), (math.nan, "UA", 2), (8.0, None, 3), (math.inf, "UA", 4), (8.0, "UA", None)]
    keys.append((8.0, "UA", math.nan))
    rows = await backend.find(RISK, keys, ALL, call())
    assert rows[:2] == [{"probability": 0.5, "label": "UA/1"}, {"probability": 0.5, "label": "UA/2"}]
    assert rows[2:] == [None] * 4
    assert await backend.find(RISK, keys[2:], ALL, call()) == [None] * 4
    assert len(server.requests) == 1


async def test_the_batch_is_the_models_or_the_sources(kind: Kind, backend: Keyed) -> None:
    own = model([column("x", "float")], [column("y", "float")], batch=7)
    wide = kind.open("http://127.0.0.1:1", batch=33)
    assert (backend.batch(own), wide.batch(own), wide.batch(RISK)) == (7, 7, 33)
    assert backend.batch(RISK) in (100, 1000)
    await wide.close()


async def test_a_row_too_few(kind: Kind, backend: Keyed, server: StandIn) -> None:
    server.answer = kind.short()
    await refused(backend, "CH502")


async def test_an_output_that_is_missing(backend: Keyed) -> None:
    other = model(
        [column("distance", "float"), column("carrier", "string", "CARRIER"), column("seats", "bigint")],
        [column("risk", "float"), column("label", "string")],
    )
    with pytest.raises(Refusal) as caught:
        await backend.find(other, KEYS, ("risk",), call())
    assert caught.value.code == "CH502"


async def test_an_output_of_another_type(backend: Keyed, caplog: pytest.LogCaptureFixture) -> None:
    other = model(
        [column("distance", "float"), column("carrier", "string", "CARRIER"), column("seats", "bigint")],
        [column("probability", "float"), column("label", "float")],
    )
    with pytest.raises(Refusal) as caught:
        await backend.find(other, KEYS, ("label",), call())
    assert caught.value.code == "CH502"
    assert "output label is not of the type float" in caplog.text


BAD = {
    "no JSON": Reply(b"<html>" + CANARY.encode()),
    "half a document": Reply(b'{"predictions": ["' + CANARY.encode()),
    "other JSON": Reply(b'{"result": ["%s"]}' % CANARY.encode()),
    "a list": Reply(b'["%s"]' % CANARY.encode()),
    "rows that are none": Reply(b'{"predictions": {"%s": 1}, "outputs": "%s"}' % (CANARY.encode(), CANARY.encode())),
    "null": Reply(b"null"),
    "nothing": Reply(b""),
    "deep": Reply(b'{"predictions": NaN, "x": ' + b"[" * 30_000),
    "a plain 500, as MLServer says it": Reply(
        f"Internal Server Error {CANARY}".encode(), 500, (("Content-Type", "text/plain; charset=utf-8"),)
    ),
    "a 400 that quotes the row, as MLflow says it": Reply(
        b'{"error_code": "BAD_REQUEST", "message": "Invalid input: %s"}' % CANARY.encode(), 400
    ),
    "404": Reply(b'{"error":"Model %s not found"}' % CANARY.encode(), 404),
    "401": Reply(CANARY.encode(), 401, (("WWW-Authenticate", f'Basic realm="{CANARY}"'),)),
    "201": Reply(b"{}", 201),
    "compressed": Reply(b"\x1f\x8b", 200, (("Content-Encoding", "gzip"),)),
}


@pytest.mark.parametrize("reply", BAD.values(), ids=BAD.keys())
async def test_what_cannot_be_read(backend: Keyed, server: StandIn, reply: Reply) -> None:
    server.answer = lambda request: reply
    await refused(backend, "CH502")
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_that_is_busy(backend: Keyed, server: StandIn, status: int) -> None:
    server.answer = lambda request: Reply(CANARY.encode(), status)
    await refused(backend, "CH501")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_not_followed(kind: Kind, backend: Keyed, server: StandIn, status: int) -> None:
    async with standing_in(kind.answer) as elsewhere:
        server.answer = lambda request: Reply(b"", status, (("Location", elsewhere.url + request.path),))
        await refused(backend, "CH502")
        assert not elsewhere.requests


async def test_garbage_in_place_of_http(backend: Keyed, server: StandIn) -> None:
    async def instead(request: Request, connection: Connection) -> None:
        await connection.write(f"SSH-2.0-{CANARY}\r\n\r\n".encode())

    server.instead = instead
    await refused(backend, "CH502")


async def test_a_huge_answer(backend: Keyed, server: StandIn) -> None:
    """Said in the head, it is not read; in chunks, it is read up to the bound. Either closes the connection."""

    async def chunks(request: Request, connection: Connection) -> None:
        await connection.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                await connection.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        except ConnectionError:
            server.gone.set()

    server.answer = lambda request: Reply(b" " * 100_001)
    await refused(backend, "CH502")
    server.instead = chunks
    await refused(backend, "CH502")
    async with asyncio.timeout(10):
        await server.gone.wait()


async def test_a_slow_answer(backend: Keyed, server: StandIn) -> None:
    async def instead(request: Request, connection: Connection) -> None:
        await connection.left()

    server.instead = instead
    await refused(backend, "CH503", 0.2)
    async with asyncio.timeout(10):
        await server.gone.wait()


async def test_an_answer_that_trickles(backend: Keyed, server: StandIn) -> None:
    async def instead(request: Request, connection: Connection) -> None:
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n")
        while not connection.writer.is_closing():
            await connection.write(b" ")
            await asyncio.sleep(0.02)

    server.instead = instead
    await refused(backend, "CH503", 0.3)


async def test_a_deadline_that_is_over(backend: Keyed) -> None:
    await refused(backend, "CH503", 0)


async def test_waiting_for_a_connection_counts(backend: Keyed, server: StandIn) -> None:
    """Four connections are the bound here: the fifth call waits for one, and not beyond its deadline."""

    async def instead(request: Request, connection: Connection) -> None:
        await connection.left()

    server.instead = instead
    others = [asyncio.create_task(backend.find(RISK, KEYS, ALL, call())) for _ in range(4)]
    async with asyncio.timeout(10):
        while server.now < 4:
            await asyncio.sleep(0.01)
    await refused(backend, "CH503", 0.1)
    assert server.most == 4
    for other in others:
        other.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*others, return_exceptions=True))


async def test_reset_before_an_answer(backend: Keyed, server: StandIn) -> None:
    async def instead(request: Request, connection: Connection) -> None:
        connection.reset()

    server.instead = instead
    await refused(backend, "CH501")
    assert len(server.requests) == 1


@pytest.mark.parametrize("head", ["Content-Length: 90000", "Transfer-Encoding: chunked"])
async def test_reset_within_an_answer(backend: Keyed, server: StandIn, head: str) -> None:
    async def instead(request: Request, connection: Connection) -> None:
        await connection.write(f'HTTP/1.1 200 OK\r\n{head}\r\n\r\n20\r\n{{"predictions": ["{CANARY}'.encode())
        await asyncio.sleep(0.05)
        connection.reset()

    server.instead = instead
    await refused(backend, "CH502")
    assert len(server.requests) == 1


async def test_nobody_there(kind: Kind, server: StandIn) -> None:
    async with standing_in(kind.answer) as gone:
        url = gone.url
    backend = kind.open(url)
    await refused(backend, "CH501")
    with pytest.raises(Refusal, match="not available"):
        await backend.check()
    await backend.close()


async def test_no_such_host(kind: Kind) -> None:
    backend = kind.open("http://nowhere.invalid:9")
    await refused(backend, "CH501")
    await backend.close()


async def test_cancelled(backend: Keyed, server: StandIn) -> None:
    """A caller who leaves ends the call at the server: its connection closes, and the next call has another."""

    async def instead(request: Request, connection: Connection) -> None:
        await connection.left()

    server.instead = instead
    asking = asyncio.create_task(backend.find(RISK, KEYS, ALL, call()))
    async with asyncio.timeout(10):
        while not server.requests:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await server.gone.wait()
    server.instead = None
    assert await backend.find(RISK, KEYS, ALL, call()) == ROWS
    assert server.connections == 2


async def test_old_connections_are_replaced_unseen(backend: Keyed, server: StandIn) -> None:
    """One that the server closes as our next request arrives; the request is sent once more, on a new one."""
    assert await backend.find(RISK, KEYS, ALL, call()) == ROWS

    async def instead(request: Request, connection: Connection) -> None:
        server.instead = None
        connection.reset()

    server.instead = instead
    assert await backend.find(RISK, KEYS, ALL, call()) == ROWS
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_a_restart_of_the_server(backend: Keyed, server: StandIn) -> None:
    assert await backend.find(RISK, KEYS, ALL, call()) == ROWS
    server.drop_idle()
    assert await backend.find(RISK, KEYS, ALL, call()) == ROWS


async def test_check(backend: Keyed, server: StandIn) -> None:
    await backend.check()
    server.answer = lambda request: Reply(CANARY.encode(), 500)
    with pytest.raises(Refusal) as caught:
        await backend.check()
    assert caught.value.code == "CH501"


async def test_a_closed_back_end(backend: Keyed) -> None:
    assert await backend.find(RISK, KEYS, ALL, call()) == ROWS
    await backend.close()
    await refused(backend, "CH501")


async def test_what_is_sent_besides(kind: Kind, server: StandIn) -> None:
    backend = kind.open(server.url, bearer="s3cret", headers={"X-Tenant": "flights"})
    await backend.find(RISK, KEYS, ALL, call(request_id="01J9K"))
    sent = server.requests[0].headers
    assert (sent["authorization"], sent["x-tenant"], sent["x-request-id"]) == ("Bearer s3cret", "flights", "01J9K")
    assert (sent["content-type"], sent["accept-encoding"]) == ("application/json", "identity")
    await backend.close()

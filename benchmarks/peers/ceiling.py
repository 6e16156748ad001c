"""The ceiling: a bare ASGI app, SQL by hand that returns JSON text, asyncpg, bytes passed through. No GraphQL at all.

It reads the same request bodies as the others, but only their ``operationName`` and ``variables``. Its pool hands out
the connection that was used last and asks the server nothing in between; the garbage collector is tuned after start-up.
What a general server loses against this is the price of being general.

    uvicorn benchmarks.peers.ceiling:app --loop uvloop --http httptools --no-access-log
"""

from __future__ import annotations

import asyncio
import collections
import datetime
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import orjson

from benchmarks.peers.ceiling_sql import SQL
from benchmarks.peers.place import DSN, POOL, claims_of

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
_HEADERS = [(b"content-type", b"application/json")]
_ARGUMENTS: dict[str, Callable[[dict[str, Any]], list[object]]] = {
    "W1": lambda v: [v["k"]],
    "W2": lambda v: [v["s"]],
    "W3": lambda v: [v["m"]],
    "W4": lambda v: [v["n"]],
    "W5": lambda v: [v["n"]],
    "W6": lambda v: [v["s"]],
    "W6b": lambda v: [v["s"], v["b"]],
    "W7": lambda v: [v["n"], v["p"]],
    "W8": lambda v: [datetime.date.fromisoformat(v["d"]), v["k"]],
    "W8Seek": lambda v: [v["o"]],
    "W9": lambda v: [v["r"]],
    "W11": lambda v: [v["s"], v["b"]],
}
_CLAIMS = {"W6": ("nations", "pii"), "W6b": ("nations", "pii"), "W9": ("nations", "pii", "statuses", "shipmodes")}


class Pool:
    """The smallest pool that does the job: the connection used last first; waiters first come, first served."""

    def __init__(self, size: int, connect: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
        self._size, self._connect, self._opened = size, connect, 0
        self._free: list[asyncpg.Connection] = []
        self._waiters: collections.deque[asyncio.Future[asyncpg.Connection]] = collections.deque()

    async def get(self) -> asyncpg.Connection:
        if self._free:
            return self._free.pop()
        if self._opened < self._size:
            self._opened += 1
            return await self._connect()
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return await waiter

    def put(self, connection: asyncpg.Connection) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._free.append(connection)


pool = Pool(POOL, lambda: asyncpg.connect(DSN))


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    request = orjson.loads(body)
    operation = request["operationName"]
    arguments = _ARGUMENTS[operation](request["variables"])
    if operation in _CLAIMS:
        header = next((value for name, value in scope["headers"] if name == b"authorization"), b"").decode()
        claims = claims_of(header) or {}
        arguments += [claims[name] for name in _CLAIMS[operation]]
    connection = await pool.get()
    try:
        text = await connection.fetchval(SQL[operation], *arguments)
    finally:
        pool.put(connection)
    answer = b'{"data":{"r":%s}}' % (text.encode() if text else b"null")
    length = (b"content-length", b"%d" % len(answer))
    await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, length]})
    await send({"type": "http.response.body", "body": answer})


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})

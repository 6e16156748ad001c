"""A small keyed source of lines of JSON, with its back end, for faults to happen to: real sockets, no store.

    request   {"product": "s.features", "keys": [["EWR"], ["JFK"]]}
    answer    [{"airport": "EWR", "delay": 3}, null]

The server counts what reaches it. Its answers are a function of the keys, so a wrong one is noticed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from types import TracebackType

from resolvers.backends.backend import Deadline
from resolvers.backends.failures import down, failed, timed_out
from resolvers.backends.keyed.keyed import Call, Key, Row
from resolvers.backends.places import Places
from schema.catalog import Column, FeatureView, Model, Product
from schema.errors import Place, Refusal
from schema.types import INTEGER, STRING

PLACE = Place("catalog/s.yaml")


def product(model: Model | None = None) -> Product:
    """A feature view, or a model with the same columns."""
    columns = {
        name: Column(name=name, type=type_, place=PLACE, field=name, physical=name)
        for name, type_ in (("airport", STRING), ("delay", INTEGER))
    }
    return Product(
        id="s.features",
        domain="s",
        name="features",
        source="lines",
        key=("airport",),
        columns=columns,
        relationships={},
        place=PLACE,
        type_name="Feature",
        singular="feature",
        plural="features",
        physical=("features",),
        features=FeatureView() if model is None else None,
        model=model,
    )


FEATURES = product()
SCORES = product(Model(version="1", inputs=("airport",), outputs=("delay",), deterministic=True))
DICE = product(Model(version="1", inputs=("airport",), outputs=("delay",)))


def row(airport: str) -> Row | None:
    """What the source says of an airport; nothing of XXX."""
    return None if airport == "XXX" else {"airport": airport, "delay": sum(airport.encode())}


class Server:
    """``calls`` arrived, ``now`` are being answered, ``most`` were at once, ``left`` lost their client before they had
    their answer. ``holds`` are how long the next calls take, in seconds; 0 when there are no more."""

    def __init__(self) -> None:
        self.calls = self.now = self.most = self.left = self.port = 0
        self.holds: list[float] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    async def __aenter__(self) -> Server:
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._listener is not None
        self._listener.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while line := await reader.readline():
                await self._answer(reader, writer, json.loads(line))
        except (OSError, asyncio.CancelledError):
            pass  # the client is gone, or the server is closing
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[str, list]) -> None:  # type: ignore[type-arg]
        self.calls, self.now = self.calls + 1, self.now + 1
        self.most = max(self.most, self.now)
        try:
            if self.holds and (seconds := self.holds.pop(0)):
                await self._hold(reader, seconds)
        finally:
            self.now -= 1
        writer.write(json.dumps([row(airport) for (airport,) in asked["keys"]]).encode() + b"\n")
        await writer.drain()

    async def _hold(self, reader: asyncio.StreamReader, seconds: float) -> None:
        """Take so long, but notice when the client leaves: it sends nothing while it waits."""
        gone = asyncio.create_task(reader.read(1))
        done, _ = await asyncio.wait((gone,), timeout=seconds)
        if done:
            self.left += 1
            raise ConnectionResetError
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)


class Lines:
    """Keeps connections that ended well; closes those that did not. A `Keyed` with nothing of a guard in it."""

    def __init__(self, port: int, name: str = "lines") -> None:
        self.name, self._port = name, port
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    def batch(self, product: Product) -> int:
        return 100

    def fit(self, product: Product) -> None: ...

    async def find(self, product: Product, keys: Sequence[Key], columns: Sequence[str], call: Call) -> list[Row | None]:
        try:
            async with asyncio.timeout(call.deadline.left()):
                return await self._exchange(product, keys)
        except TimeoutError:
            raise timed_out(self.name) from None
        except OSError as error:
            raise down(self.name, error) from None
        except (ValueError, LookupError, TypeError) as error:
            raise failed(self.name, error) from None

    async def _exchange(self, product: Product, keys: Sequence[Key]) -> list[Row | None]:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(json.dumps({"product": product.id, "keys": list(keys)}).encode() + b"\n")
            answer = await reader.readline()
            if not answer.endswith(b"\n"):
                raise ConnectionResetError("closed in the middle of an answer")
            read: list[Row | None] = json.loads(answer)
            rows = [read[at] for at in range(len(keys))]
        except BaseException:  # also where it cannot be read: the rest of it would be the next caller's answer
            writer.transport.abort()
            raise
        self._idle.append((reader, writer))
        return rows

    def places(self) -> list[Places]:
        return []

    async def check(self) -> None:
        call = Call(Deadline.after(1))
        try:
            await self.find(FEATURES, [("EWR",)], ["delay"], call)
        except Refusal as refusal:
            raise down(self.name, refusal) from None

    async def close(self) -> None:
        idle, self._idle = self._idle, []
        for _, writer in idle:
            writer.transport.abort()

"""A steady load: requests that fall due at a fixed rate, whatever is answered, over connections that are kept.

They go where a load balancer sends them: in turn to all that say they are ready, which is asked a few times a second. A
connection whose answer says `Connection: close`, or that was closed at rest, is not used again. Nothing is asked twice:
a request whose connection breaks has failed, though a balancer might ask again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

_LOOK, _LOOK_TAKES, _PATIENCE = 0.2, 2.0, 40.0
_READY = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
Question = Callable[[int], tuple[bytes, bytes]]
"""By number: a request, and what a good answer holds."""


class Line(asyncio.Protocol):
    """One connection, which asks one thing at a time."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.closed = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # what TCP gives
        self._transport = transport

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body. Raises ConnectionError, TimeoutError."""
        self._received.clear()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._answer
        except BaseException:
            self.close()
            raise

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = bytes(self._received).partition(b"\r\n\r\n")
        if not end or self._answer is None or self._answer.done():
            return
        head = head.lower()
        if len(body) >= int(head.partition(b"content-length: ")[2].partition(b"\r")[0]):
            if b"\r\nconnection: close" in head:
                self.close()
            self._answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError("lost"))

    def close(self) -> None:
        self.closed = True
        self._transport.close()


class Balancer:
    """Sends requests to those of its ports that are ready."""

    def __init__(self, *ports: int) -> None:
        self.ready: list[int] = list(ports)
        self.ports = set(ports)
        self._free: defaultdict[int, list[Line]] = defaultdict(list)
        self._turn = 0

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Raises ConnectionError where nobody is ready, and what `Line.ask` raises."""
        if not self.ready:
            raise ConnectionError("nobody is ready")
        self._turn += 1
        return await self._at(self.ready[self._turn % len(self.ready)], request)

    async def _at(self, port: int, request: bytes) -> tuple[int, bytes]:
        free = self._free[port]
        while free and free[-1].closed:
            free.pop()
        line = free.pop() if free else await _line(port)
        answer = await line.ask(request)
        if not line.closed:
            free.append(line)
        return answer

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Look who is ready, for as long as the block runs; all connections are closed with it."""
        looking = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
            for lines in self._free.values():
                for line in lines:
                    line.close()

    async def _watch(self) -> None:
        while True:
            self.ready = [port for port in sorted(self.ports) if await _is_ready(port)]
            await asyncio.sleep(_LOOK)


async def _line(port: int) -> Line:
    _, line = await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", port)
    return line


async def _is_ready(port: int) -> bool:
    """Asked over a connection of its own, as health checks are."""
    try:
        async with asyncio.timeout(_LOOK_TAKES):
            line = await _line(port)
            status, _ = await line.ask(_READY)
    except (ConnectionError, TimeoutError):
        return False
    line.close()
    return status == 200


@dataclass(slots=True)
class Seen:
    """What came back: ``failed`` by reason; ``answers`` are when a good one was there, and seconds since it was due."""

    failed: Counter[str] = field(default_factory=Counter)
    answers: list[tuple[float, float]] = field(default_factory=list)

    @property
    def good(self) -> int:
        return len(self.answers)

    @property
    def asked(self) -> int:
        return self.good + self.failed.total()

    def first(self, since: float) -> float:
        """Seconds from then to the first good answer."""
        return min((at for at, _ in self.answers if at > since), default=float("inf")) - since

    def first_asked(self, since: float) -> float:
        """The same to a question that was due after that."""
        return min((at for at, took in self.answers if at - took > since), default=float("inf")) - since

    def p99_ms(self) -> float:
        times = sorted(seconds for _, seconds in self.answers)
        return times[int(len(times) * 0.99)] * 1000 if times else float("nan")

    def said(self) -> str:
        why = "".join(f", {count} x {reason}" for reason, count in self.failed.most_common(4))
        return f"{self.failed.total()} of {self.asked:,} failed{why}; p99 {self.p99_ms():.0f} ms"


async def load(
    balancer: Balancer, question: Question, rate: float, while_: Callable[[int], bool], seen: Seen | None = None
) -> Seen:
    """Ask at ``rate`` a second for as long as ``while_`` says of how many were sent; gives what came back of all, which
    ``seen`` shows meanwhile."""
    seen, began, sent = Seen() if seen is None else seen, time.perf_counter(), 0
    async with asyncio.TaskGroup() as asking:
        while while_(sent):
            while (due := began + sent / rate) <= time.perf_counter():
                asking.create_task(_one(balancer, question, sent, due, seen))
                sent += 1
            await asyncio.sleep(0.001)
    return seen


async def _one(balancer: Balancer, question: Question, number: int, due: float, seen: Seen) -> None:
    request, wanted = question(number)
    try:
        status, body = await balancer.ask(request)
    except (ConnectionError, TimeoutError) as error:
        seen.failed[f"{type(error).__name__} ({error})"] += 1
        return
    now = time.perf_counter()
    if status == 200 and wanted in body and b'"errors"' not in body:
        seen.answers.append((now, now - due))
    else:
        code = body.partition(b'"code":"')[2].partition(b'"')[0].decode()
        seen.failed[f"{status} {code}"] += 1

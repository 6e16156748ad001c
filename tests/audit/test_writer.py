"""A writer against sinks that are down, slow and full: what is told is written, or its loss is."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from app.audit import audit as audit_module
from app.audit.audit import Audit
from app.audit.chain import Chain
from app.audit.record import Recorder
from app.audit.verify import verify
from app.audit.writer import Writer
from tests.audit.lines import Memory, exchanged, until

Counts = Counter[str]


class Bench:
    """A writer with its sink and what it reported."""

    def __init__(self, prompt: bool = False, most: int = 50) -> None:
        self.sink, self.counts = Memory(), Counts()
        self.writer = Writer(
            self.sink, Chain("memory-0"), Recorder("hash", "1"), self._report, prompt=prompt, most=most
        )

    def _report(self, sink: str, what: str, count: int) -> None:
        self.counts[what.partition(":")[0]] += max(count, 1)

    def records(self) -> list[dict[str, object]]:
        return [orjson.loads(line) for line in self.sink.lines]

    def breaks(self, folder: Path) -> list[str]:
        path = folder / "lines"
        path.write_bytes(b"".join(self.sink.lines))
        return verify([path]).breaks


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.sink.failing, made.sink.slow = False, 0.0
    await made.writer.close(10)


async def test_all_is_written_in_order_and_drained_at_the_end(tmp_path: Path) -> None:
    bench = Bench(most=1000)
    assert all(bench.writer.put(exchanged(number)) for number in range(700))
    assert await bench.writer.close(10) == 0
    assert bench.sink.closed
    uids = [record["http_request"]["uid"] for record in bench.records()]  # type: ignore[index]
    assert uids == [f"request-{number}" for number in range(700)]
    assert bench.sink.attempts < 100, "lines are written together"
    assert bench.breaks(tmp_path) == []


async def test_a_sink_that_is_down_gets_the_same_lines_when_it_is_back(bench: Bench, tmp_path: Path) -> None:
    bench.sink.failing = True
    for number in range(30):
        bench.writer.put(exchanged(number))
    assert await until(lambda: bench.counts["failed"] > 0)
    bench.sink.failing = False
    assert await until(lambda: len(bench.sink.lines) == 30 and bench.counts["recovered"] == 1)
    assert bench.breaks(tmp_path) == []


async def test_what_a_full_queue_refuses_is_counted_and_said(bench: Bench, tmp_path: Path) -> None:
    bench.sink.failing = True
    taken = [bench.writer.put(exchanged(number)) for number in range(400)]
    assert not all(taken) and bench.counts["refused"] == taken.count(False)
    bench.sink.failing = False
    assert await until(lambda: any(b"audit.lost" in line for line in bench.sink.lines))
    lost = [record["unmapped"]["records"] for record in bench.records() if record["class_uid"] == 6003]  # type: ignore[index]
    assert sum(lost) == taken.count(False)
    assert bench.breaks(tmp_path) == []


async def test_a_slow_sink_keeps_nobody_waiting(bench: Bench) -> None:
    bench.sink.slow = 0.3
    loop = asyncio.get_running_loop()
    bench.writer.put(exchanged(1))
    assert await until(lambda: bench.sink.attempts == 1)
    turns = 0
    until_done = loop.create_task(until(lambda: bool(bench.sink.lines)))
    while not until_done.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 3, "the event loop went on while the sink wrote"


async def test_a_record_that_cannot_be_made_does_not_stop_the_trail(bench: Bench) -> None:
    bench.writer.put(exchanged(1, at=float("nan")))
    bench.writer.put(exchanged(2))
    assert await until(lambda: len(bench.sink.lines) == 2)
    assert b"audit.unwritable" in bench.sink.lines[0] and b"request-2" in bench.sink.lines[1]


async def test_what_is_left_at_the_end_is_counted() -> None:
    bench = Bench()
    bench.sink.failing = True
    bench.writer.put(exchanged(1))
    assert await bench.writer.close(10) == 1


async def test_required_waits_for_every_sink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.audit.writer._PAUSE", 2.0)  # longer than what happens in it may take on a busy machine
    one, other = Bench(prompt=True), Bench(prompt=True)
    audit = Audit(True, (one.writer, other.writer))
    assert await audit.accepted(exchanged(1))
    assert one.sink.lines and other.sink.lines
    other.sink.failing = True
    assert not await audit.accepted(exchanged(2))
    attempts = other.sink.attempts
    assert not await audit.accepted(exchanged(3)), "refused at once while the sink has just failed"
    assert other.sink.attempts == attempts
    other.sink.failing = False
    number = iter(range(4, 10_000))
    while not await audit.accepted(exchanged(next(number))):
        await asyncio.sleep(0.05)
    assert b"request-2" in b"".join(other.sink.lines), "what was made is written, if late"
    monkeypatch.setattr(audit_module, "PATIENCE", 0.05)
    one.sink.slow = 0.3
    assert not await audit.accepted(exchanged(next(number))), "too slow is not accepted"
    one.sink.slow = 0.0
    await audit.close()

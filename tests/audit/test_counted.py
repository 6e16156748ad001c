"""Refusals that are given by the thousand: counted, every one of them, and told together."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from pathlib import Path

import httpx
import orjson
import pytest

from app.audit import tally as tally_module
from app.audit.audit import Audit
from app.audit.record import Recorder
from app.audit.tally import Tally
from app.audit.told import Counted
from app.audit.verify import verify
from tests.app.conftest import issuer, start
from tests.app.issuer import Issuer
from tests.app.process import until as eventually
from tests.audit.lines import exchanged, until
from tests.audit.ocsf import Counted as CountedEvent
from tests.audit.ocsf import check
from tests.audit.test_required import gateway
from tests.audit.test_writer import Bench
from tests.edge.test_limits import ask, raw, sleepers

__all__ = ["issuer", "start"]


async def test_what_is_counted_is_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_module, "EVERY", 0.05)
    told: list[Counted] = []
    tally = Tally("internal", told.append)
    for code, status, route in (("CH159", 503, "/graphql"),) * 5 + (("CH159", 503, "other"), ("CH158", 400, "other")):
        tally.add(code, status, route)
    assert told == []
    assert await until(lambda: len(told) == 2)
    assert [(one.zone, one.code, one.status, dict(one.routes), one.whole) for one in told] == [
        ("internal", "CH159", 503, {"/graphql": 5, "other": 1}, 6),
        ("internal", "CH158", 400, {"other": 1}, 1),
    ]
    assert all(one.since <= one.at for one in told)
    tally.add("CH159", 503, "other")
    assert await until(lambda: len(told) == 3)
    assert told[2].whole == 1 and told[0].at <= told[2].since
    tally.tell()
    await asyncio.sleep(0.2)
    assert len(told) == 3, "nothing is told of nothing"


async def test_what_is_left_is_told_before_the_end(tmp_path: Path) -> None:
    bench = Bench()
    audit = Audit(False, (bench.writer,))
    tally = audit.tally("internal")
    audit.tell(exchanged(1))
    for _ in range(3):
        tally.add("CH159", 503, "/graphql")
    await audit.close()
    names = [record["unmapped"].get("phase", record.get("api")) for record in bench.records()]  # type: ignore[attr-defined]
    assert [name if isinstance(name, str) else name["operation"] for name in names] == [
        "whole",
        "counted",
        "audit.stop",
    ]
    event = check(bench.sink.lines[1])
    assert isinstance(event, CountedEvent) and (event.count, event.unmapped.routes) == (3, {"/graphql": 3})
    assert bench.breaks(tmp_path) == []


async def test_one_that_is_lost_counts_as_many_as_it_stands_for() -> None:
    bench = Bench(most=1)
    bench.sink.failing = True
    counted = Counted(
        1_790_000_001.0, 1_790_000_000.0, "internal", "CH159", 503, Counter({"/graphql": 499, "other": 1})
    )
    taken = [bench.writer.put(told) for told in (exchanged(1), *(counted,) * 300)]
    assert not all(taken) and bench.counts["refused"] == 500 * taken.count(False)
    bench.sink.failing = False
    assert await until(lambda: any(b"audit.lost" in line for line in bench.sink.lines))
    lost = [record["unmapped"]["records"] for record in bench.records() if record["class_uid"] == 6003]  # type: ignore[index]
    assert sum(lost) == 500 * taken.count(False)
    bench.sink.failing = True
    while bench.writer.put(counted):
        await asyncio.sleep(0)
    assert await bench.writer.close(10) >= 500


def test_its_event_says_when_and_how_many_and_of_nobody() -> None:
    told = Counted(1_790_000_001.25, 1_790_000_000.5, "partner", "CH159", 503, {"/graphql": 7})
    record = Recorder("clear", "1.0").record(told)
    assert {name: record[name] for name in ("count", "start_time", "end_time", "time", "status_code")} == {
        "count": 7, "start_time": 1_790_000_000_500, "end_time": 1_790_000_001_250, "time": 1_790_000_001_250,
        "status_code": "503",
    }  # fmt: skip
    assert "http_request" not in record and "query_info" not in record


@pytest.mark.parametrize("required", ["0", "1"])
def test_every_request_that_is_turned_away_is_in_the_trail(
    required: str, start: object, issuer: Issuer, tmp_path: Path
) -> None:
    """Whether records are required or not: nothing is given to who is turned away, so it need not wait for one."""
    process = gateway(
        start, issuer, tmp_path, f"file:{tmp_path}/audit.jsonl", CUSTOMHOUSE_AUDIT_REQUIRED=required,
        CUSTOMHOUSE_MOST_INFLIGHT="1",
    )  # fmt: skip
    seen: Counter[tuple[int, str]] = Counter()
    with httpx.Client(base_url=process.url, trust_env=False, timeout=30) as client:

        def turned_away() -> bool:
            status = ask(client, issuer, "ok").status_code
            seen[status, "/graphql"] += 1
            return status == 503

        assert eventually(lambda: ask(client, issuer, "ok").status_code == 200)  # the issuer's keys are there
        sleeping = sleepers(process, issuer, turned_away)
        for _ in range(200):
            assert turned_away()
        for path in ("/sql", "/catalog", "/nowhere-CANARY"):
            assert client.post(path, headers={"Authorization": "Bearer CANARY"}).status_code == 503
            seen[503, "other"] += 1
        assert client.get("/livez").status_code == 200
        for broken in (b"CANARY\r\n\r\n", b"GET /CANARY HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"):
            seen[int(raw(process, broken).split(b" ")[1]), "other"] += 1
        for one in sleeping:
            one.setblocking(False)
            with one, contextlib.suppress(BlockingIOError):
                seen[503, "/graphql"] += one.recv(100).startswith(b"HTTP/1.1 503")
    assert process.stop() == 0
    lines = (tmp_path / "audit.jsonl").read_bytes().splitlines()
    assert verify([tmp_path / "audit.jsonl"]).breaks == [] and b"CANARY" not in b"".join(lines)
    events = [event for line in lines if isinstance(event := check(line), CountedEvent)]
    found: Counter[tuple[int, str]] = Counter()
    for event in events:
        assert event.count == sum(event.unmapped.routes.values())
        for route, count in event.unmapped.routes.items():
            found[int(str(event.status_code)), route] += count
    assert found == +Counter({key: count for key, count in seen.items() if key[0] != 200})
    assert len(events) < 100, "they are told together"
    stops = [orjson.loads(line).get("api", {}).get("operation") for line in lines]
    assert stops[-1] == "audit.stop"


def test_where_no_record_is_accepted_one_too_many_is_still_told_so(
    start: object, issuer: Issuer, tmp_path: Path
) -> None:
    """Else a disk that is full would turn a cheap refusal into a costly one."""
    process = gateway(start, issuer, tmp_path, "file:/dev/full", CUSTOMHOUSE_MOST_INFLIGHT="1")
    with httpx.Client(base_url=process.url, trust_env=False, timeout=30) as client:
        assert eventually(lambda: client.get("/readyz").status_code == 200)
        sleeping = sleepers(process, issuer, lambda: "CH159" in ask(client, issuer, "ok").text)
        assert ask(client, issuer, "ok").headers["retry-after"] == "1"
        for one in sleeping:
            one.close()
    process.stop()

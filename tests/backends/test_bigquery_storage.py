"""BigQuery's large answers by the Storage Read API, against stand-ins for it and for the jobs: fakes that prove what is
asked and what becomes of what they answer, and nothing about the service."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pytest
import pytest_asyncio

from resolvers.backends.backend import Deadline
from resolvers.backends.bigquery import BigQuery
from resolvers.backends.bigquery_arrow import BigQueryStream
from resolvers.backends.dialect import Statement
from resolvers.backends.registry import open_backend
from schema.errors import Refusal
from tests.backends.bigquery_read_stand_in import Shelf, shelved
from tests.backends.bigquery_stand_in import House, serving, until
from tests.backends.engines import source

ONE = Statement("SELECT 1", ())
TABLE = {"projectId": "acme", "datasetId": "_anonymous", "tableId": "anon1"}


def ints(*values: int) -> pa.RecordBatch:
    return pa.record_batch({"i": pa.array(values, pa.int64())})


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(batches=[ints(1, 2), ints(3), ints(4, 5, 6)])


@pytest.fixture
def large(house: House) -> House:
    """A job whose answer has more than one page, other rows than the shelf's."""
    house.pages, house.destination = [[["10"]], [["20"]]], TABLE
    return house


@pytest.fixture
def addresses(large: House, shelf: Shelf) -> Iterator[tuple[str, str]]:
    with serving(large) as rest, shelved(shelf) as read:
        yield rest, read


@pytest_asyncio.fixture
async def reading(addresses: tuple[str, str]) -> AsyncIterator[BigQuery]:
    url = f"bigquery://acme/ops?location=EU&endpoint={addresses[0]}"
    opened = open_backend(source("bigquery", storage_api=addresses[1], workers=2), url, Path())
    assert isinstance(opened, BigQuery)
    yield opened
    await opened.close()


async def cells(bigquery: BigQuery, seconds: float = 20) -> list[Any]:
    stream = await bigquery.stream(ONE, (), Deadline.after(seconds))
    return [row["i"] for batch in [batch async for batch in stream] for row in batch.to_pylist()]


async def test_a_large_answer(reading: BigQuery, large: House, shelf: Shelf) -> None:
    assert await cells(reading) == [1, 2, 3, 4, 5, 6]
    assert (shelf.tables, shelf.counts) == (["projects/acme/datasets/_anonymous/tables/anon1"], [1])
    assert (shelf.offsets, shelf.routes) == ([0], ["read_stream=projects/acme/locations/eu/sessions/one/streams/one"])
    (job,) = large.of("GET", "/jobs/customhouse_[0-9a-f]+")
    assert job.query["location"] == "EU"
    assert len(large.of("GET", "/queries/customhouse_[0-9a-f]+")) == 1


@pytest.mark.parametrize("why", ["one page", "no table", "no package", "interval", "big", "forbidden"])
async def test_what_comes_by_rest(
    reading: BigQuery,
    large: House,
    shelf: Shelf,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A session that the account may not open is told in the log once, without the service's sentence."""
    match why:
        case "one page":
            large.pages = [[["10"], ["20"]]]
        case "no table":
            large.destination = None
        case "no package":
            monkeypatch.setitem(sys.modules, "google.cloud.bigquery_storage_v1", None)
        case "interval" | "big":
            inner = [{"name": "b", "type": "BIGNUMERIC", "mode": "REPEATED"}]
            more: dict[str, Any] = {"type": "INTERVAL"} if why == "interval" else {"type": "RECORD", "fields": inner}
            large.fields = [*large.fields, {"name": "j", **more}]
            large.pages = [[["10", None]], [["20", None]]]
        case _:
            shelf.wrong = grpc.StatusCode.PERMISSION_DENIED
    with caplog.at_level(logging.WARNING):
        assert await cells(reading) == [10, 20]
        assert await cells(reading) == [10, 20]
    assert shelf.offsets == []
    assert len(caplog.records) == (why == "forbidden")
    assert "CANARY" not in caplog.text


async def test_columns_are_those_of_rest(reading: BigQuery, large: House, shelf: Shelf) -> None:
    """How large an answer is does not change its types."""
    record = {"type": "RECORD", "fields": [{"name": "a", "type": "INTEGER"}]}
    large.fields = [
        {"name": "n", "type": "NUMERIC", "precision": "12", "scale": "2"},
        {"name": "t", "type": "TIMESTAMP"},
        {"name": "l", **record, "mode": "REPEATED"},
        {"name": "j", "type": "JSON"},
    ]
    large.pages = [[["1.5", "0", [], None]], []]
    moment = datetime(2013, 5, 6, 7, tzinfo=UTC)
    named = pa.list_(pa.field("element", pa.struct([pa.field("a", pa.int64(), metadata={"x": "y"})]), nullable=False))
    noted = pa.field("j", pa.string(), metadata={"ARROW:extension:name": "google:sqlType:json"})
    schema = pa.schema([("n", pa.decimal128(38, 9)), ("t", pa.timestamp("us", tz="UTC")), ("l", named), noted])
    row = {"n": Decimal("1.5"), "t": moment, "l": [{"a": 1}], "j": '{"a":1}'}
    shelf.batches = [pa.RecordBatch.from_pylist([row], schema)]
    stream = await reading.stream(ONE, (), Deadline.after(20))
    (batch,) = [batch async for batch in stream]
    assert batch.schema == stream.schema
    assert batch.schema.types == [
        pa.decimal128(12, 2), pa.timestamp("us", tz="UTC"), pa.list_(pa.struct([("a", pa.int64())])), pa.string()
    ]  # fmt: skip
    assert batch.to_pylist() == [{**row, "n": Decimal("1.50")}]
    assert stream.schema.field("j").metadata is None


async def test_a_large_message_is_cut(reading: BigQuery, shelf: Shelf) -> None:
    shelf.batches = [ints(*range(20_000)), ints(), ints(20_000)]
    stream = await reading.stream(ONE, (), Deadline.after(20))
    assert [batch.num_rows async for batch in stream] == [16_384, 3_616, 1]


async def test_what_breaks_is_taken_up_again(reading: BigQuery, shelf: Shelf) -> None:
    shelf.breaks = [(1, grpc.StatusCode.UNAVAILABLE), (0, grpc.StatusCode.INTERNAL), (1, grpc.StatusCode.UNKNOWN)]
    assert await cells(reading) == [1, 2, 3, 4, 5, 6]
    assert shelf.offsets == [0, 2, 2, 3]


@pytest.mark.parametrize(
    ("code", "want"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "CH502"),
        (grpc.StatusCode.NOT_FOUND, "CH502"),
        (grpc.StatusCode.UNAUTHENTICATED, "CH501"),
    ],
)
@pytest.mark.parametrize("when", ["at the session", "between rows"])
async def test_failures(
    reading: BigQuery, shelf: Shelf, code: grpc.StatusCode, want: str, when: str, caplog: pytest.LogCaptureFixture
) -> None:
    if when == "between rows":
        shelf.breaks = [(1, code)]
    else:
        shelf.wrong = code
    with caplog.at_level(logging.DEBUG), pytest.raises(Refusal) as refused:
        await cells(reading)
    said = refused.value
    assert said.code == want
    assert said.__cause__ is None and said.__suppress_context__
    assert "CANARY" not in caplog.text + said.message + str(said.hint)


async def test_a_row_without_a_place_in_its_column(reading: BigQuery, large: House, shelf: Shelf) -> None:
    large.fields = [{"name": "i", "type": "NUMERIC", "precision": "2", "scale": "0"}]
    shelf.batches = [pa.record_batch({"i": pa.array([Decimal("12345.5")], pa.decimal128(38, 9))})]
    with pytest.raises(Refusal) as refused:
        await cells(reading)
    assert refused.value.code == "CH502"


async def test_what_stays_down_until_the_deadline(reading: BigQuery, shelf: Shelf) -> None:
    """It is one or the other, by whether there was time for one more call."""
    shelf.breaks = [(0, grpc.StatusCode.UNAVAILABLE)] * 100
    with pytest.raises(Refusal) as refused:
        await cells(reading, 1)
    assert refused.value.code in ("CH501", "CH503")


async def test_a_call_that_stays_is_ended_at_the_deadline(reading: BigQuery, shelf: Shelf) -> None:
    shelf.stays = True
    with pytest.raises(Refusal) as refused:
        await cells(reading, 1)
    assert refused.value.code == "CH503"
    assert await asyncio.to_thread(shelf.left.wait, 10)


@pytest.mark.parametrize("how", ["closed", "cancelled", "closed before its rows", "closed with its source"])
async def test_a_reader_that_leaves_ends_the_call(reading: BigQuery, shelf: Shelf, how: str) -> None:
    """Though the server would send no more and hold it open."""
    shelf.stays = True
    if how == "closed before its rows":
        shelf.batches = [ints()]
    stream = await reading.stream(ONE, (), Deadline.after(60))
    batches = aiter(stream)
    if how == "cancelled":
        task = asyncio.ensure_future(_all(batches))
        await asyncio.to_thread(until, lambda: bool(shelf.offsets))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    elif how == "closed with its source":
        await anext(batches)
        await reading.close()
    else:
        if how == "closed":
            await anext(batches)
            assert isinstance(stream, BigQueryStream) and stream._next is not None
            await asyncio.to_thread(until, stream._next.done)  # no thread is at it that could be stopped instead
        await asyncio.to_thread(until, lambda: bool(shelf.offsets))
        await stream.aclose()
        await stream.aclose()
    assert await asyncio.to_thread(shelf.left.wait, 10)
    assert [batch async for batch in stream] == []


async def _all(batches: AsyncIterator[pa.RecordBatch]) -> None:
    async for _ in batches:
        pass

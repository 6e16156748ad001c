"""BigQuery's answers in Arrow: their types, and a stream that is closed, fails or is left."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest

from resolvers.backends.backend import Deadline
from resolvers.backends.bigquery import BigQuery
from resolvers.backends.bigquery_arrow import arrow_type, column
from resolvers.backends.dialect import Statement
from schema.errors import Refusal
from tests.backends.bigquery_stand_in import INTEGER, House, until

ONE = Statement("SELECT 1", ())
STRING = {"name": "s", "type": "STRING"}


async def test_stream(bigquery: BigQuery, house: House) -> None:
    """Its columns are known before its rows; it holds one page beside the one that was given out."""
    house.fields, house.pages = (
        [INTEGER, STRING],
        [[["1", "a"], ["2", None]], [], [["3", "c"]], [["4", "d"]], [["5", "e"]]],
    )
    stream = await bigquery.stream(ONE, (), Deadline.after(20))
    assert stream.schema == pa.schema([("i", pa.int64()), ("s", pa.string())])
    batches = stream.__aiter__()
    assert (await anext(batches)).to_pylist() == [{"i": 1, "s": "a"}, {"i": 2, "s": None}]
    await asyncio.to_thread(until, lambda: len(house.of("GET", "")) == 3)
    assert len(house.of("GET", "")) == 3
    assert [batch.to_pylist()[0]["i"] async for batch in stream] == [3, 4, 5]
    assert [batch async for batch in stream] == []


async def test_a_large_page_is_cut(bigquery: BigQuery, house: House) -> None:
    house.pages = [[[str(i)] for i in range(20_000)]] * 2
    stream = await bigquery.stream(ONE, (), Deadline.after(20))
    batches = [batch async for batch in stream]
    assert [batch.num_rows for batch in batches] == [16_384, 3_616] * 2
    assert batches[3].column(0)[-1].as_py() == 19_999


async def test_a_stream_without_rows_has_columns(bigquery: BigQuery, house: House) -> None:
    house.pages = [[]]
    stream = await bigquery.stream(ONE, (), Deadline.after(20))
    assert stream.schema.names == ["i"]
    assert [batch async for batch in stream] == []


async def test_a_stream_that_is_closed_asks_no_more(bigquery: BigQuery, house: House) -> None:
    house.pages = [[["1"]]] * 50
    stream = await bigquery.stream(ONE, (), Deadline.after(20))
    await anext(stream.__aiter__())
    await stream.aclose()
    await stream.aclose()
    asked = len(house.of("GET", ""))
    assert asked <= 3
    assert [batch async for batch in stream] == []
    assert len(house.of("GET", "")) <= asked + 1


async def test_closing_the_source_ends_its_streams(bigquery: BigQuery, house: House) -> None:
    house.pages = [[["1"]]] * 50
    stream = await bigquery.stream(ONE, (), Deadline.after(20))
    await anext(stream.__aiter__())
    await bigquery.close()
    assert [batch async for batch in stream] == []


async def test_a_stream_that_fails_says_so_once(bigquery: BigQuery, house: House) -> None:
    house.pages = [[["1"]]] * 5
    stream = await bigquery.stream(ONE, (), Deadline.after(20))
    house.failing = (400, "invalidQuery")
    with pytest.raises(Refusal) as refusal:
        async for _ in stream:
            pass
    assert refusal.value.code == "CH502"
    assert [batch async for batch in stream] == []


async def test_a_stream_whose_caller_leaves_before_its_columns(bigquery: BigQuery, house: House) -> None:
    house.slow = True
    task = asyncio.create_task(bigquery.stream(ONE, (), Deadline.after(20)))
    await asyncio.to_thread(until, lambda: bool(house.of("GET", "")))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(until, lambda: bool(house.of("POST", "/cancel")))


_RECORD = {
    "type": "RECORD",
    "fields": [{"name": "a", "type": "INTEGER"}, {"name": "b", "type": "DATE", "mode": "REPEATED"}],
}


@pytest.mark.parametrize(
    ("field", "cells", "type_", "want"),
    [
        ({"type": "BOOLEAN"}, ["true", "false", None], pa.bool_(), [True, False, None]),
        ({"type": "INTEGER"}, ["9223372036854775807", "-1"], pa.int64(), [9223372036854775807, -1]),
        ({"type": "FLOAT"}, ["1.5", "1e+300", "Infinity"], pa.float64(), [1.5, 1e300, float("inf")]),
        ({"type": "NUMERIC"}, ["12.5", "-0.000000001"], pa.decimal128(38, 9), [Decimal("12.5"), Decimal("-1e-9")]),
        ({"type": "NUMERIC", "precision": "12", "scale": "2"}, ["12.5"], pa.decimal128(12, 2), [Decimal("12.50")]),
        ({"type": "BIGNUMERIC"}, ["1" * 60], pa.string(), ["1" * 60]),
        ({"type": "STRING"}, ["é", ""], pa.string(), ["é", ""]),
        ({"type": "JSON"}, ['{"a":1}'], pa.string(), ['{"a":1}']),
        ({"type": "GEOGRAPHY"}, ["POINT(1 2)"], pa.string(), ["POINT(1 2)"]),
        ({"type": "BYTES"}, ["AP8Q", None], pa.binary(), [b"\x00\xff\x10", None]),
        ({"type": "DATE"}, ["2013-01-31"], pa.date32(), [date(2013, 1, 31)]),
        ({"type": "TIME"}, ["05:06:07.5", "05:06:07"], pa.time64("us"), [time(5, 6, 7, 500000), time(5, 6, 7)]),
        ({"type": "DATETIME"}, ["2013-01-31T05:06:07.25"], pa.timestamp("us"),
         [datetime(2013, 1, 31, 5, 6, 7, 250000)]),
        ({"type": "TIMESTAMP"}, ["1367823600000001"], pa.timestamp("us", tz="UTC"),
         [datetime(2013, 5, 6, 7, 0, 0, 1, tzinfo=UTC)]),
        ({"type": "INTEGER", "mode": "REPEATED"}, [[{"v": "1"}, {"v": "2"}], []], pa.list_(pa.int64()), [[1, 2], []]),
        (_RECORD, [{"f": [{"v": "1"}, {"v": [{"v": "2013-01-31"}]}]}, None],
         pa.struct([("a", pa.int64()), ("b", pa.list_(pa.date32()))]), [{"a": 1, "b": [date(2013, 1, 31)]}, None]),
        ({**_RECORD, "mode": "REPEATED"}, [[{"v": {"f": [{"v": None}, {"v": []}]}}]],
         pa.list_(pa.struct([("a", pa.int64()), ("b", pa.list_(pa.date32()))])), [[{"a": None, "b": []}]]),
    ],
)  # fmt: skip
def test_columns(field: dict[str, object], cells: list[object], type_: pa.DataType, want: list[object]) -> None:
    found = column(field, cells)
    assert (found.type, arrow_type(field)) == (type_, type_)
    assert found.to_pylist() == want

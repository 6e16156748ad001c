"""Generated columns: what Arrow's kernels write for a whole column is what the gateway writes for each value alone."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.wire import wire
from schema.types import Type, parse_type
from tests.formats.asking import body

_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
_EVIL = st.text(st.sampled_from('",\n\r\\\t\x01\x1f\x7f=é🤦\u2028a '), max_size=6)
_NAIVE = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)) | st.just(datetime(1969, 12, 31, 23, 59, 59, 1))
_INTEGERS = st.integers(-(2**63), 2**63 - 1)
KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[object]]] = {
    "boolean": (pa.bool_(), st.booleans()),
    "integer": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "bigint": (pa.int64(), _INTEGERS),
    "decimal(30,9)": (pa.decimal128(30, 9), st.decimals(-(10**20), 10**20, places=9)),
    "decimal(20,2)": (pa.decimal128(20, 2), st.decimals(-(10**17), 10**17, places=2)),
    "float": (pa.float64(), st.floats() | st.integers(-(2**60), 2**60).map(float)),
    "string": (pa.string(), _TEXT | _EVIL),
    "date": (pa.date32(), st.dates()),
    "time": (pa.time64("us"), st.times() | st.just(time(1, 2, 3))),
    "datetime": (pa.timestamp("us"), _NAIVE | _NAIVE.map(lambda at: at.replace(microsecond=0))),
    "timestamp": (pa.timestamp("us", "UTC"), _NAIVE.map(lambda at: at.replace(tzinfo=UTC))),
    "bytes": (pa.binary(), st.binary(max_size=9)),
    "array<string>": (pa.list_(pa.string()), st.lists(st.none() | _EVIL, max_size=4)),
    "array<array<bigint>>": (pa.list_(pa.list_(pa.int64())), st.lists(st.none() | st.lists(_INTEGERS, max_size=2))),
    "struct<a: float, b: array<date>>": (
        pa.struct([("a", pa.float64()), ("b", pa.list_(pa.date32()))]),
        st.fixed_dictionaries({"a": st.none() | st.floats(), "b": st.none() | st.lists(st.dates(), max_size=2)}),
    ),
}


def exact(text: str) -> object:
    """Parsed JSON in which 15 is not 15.0."""
    return json.loads(text, parse_float=lambda n: f"float {float(n)!r}", parse_int=lambda n: f"integer {n}")


@pytest.mark.parametrize("spelt", KINDS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_column_is_its_values(spelt: str, data: st.DataObject) -> None:
    arrow, one = KINDS[spelt]
    values = data.draw(st.lists(st.none() | one, max_size=12))
    before = data.draw(st.integers(0, 3))
    table = pa.table({"v": pa.array([*values[:before], *values], arrow)}).slice(len(values[:before]))
    type_ = parse_type(spelt)
    want = [wire(value, type_) for value in values]
    answer = exact(asyncio.run(body(table, "json", rows=5)).decode())
    assert isinstance(answer, dict)
    assert answer["rows"] == [[exact(json.dumps(value))] for value in want]
    written = asyncio.run(body(pa.table({"v": table["v"], "n": table["v"]}), "csv", rows=5)).decode()
    _, *lines = csv.reader(io.StringIO(written, newline=""), strict=True)
    for (cell, again), value in zip(lines, want, strict=True):
        assert cell == again
        same(cell, value, type_)


def same(cell: str, value: object, type_: Type) -> None:
    if value is None:
        assert cell == ""
    elif isinstance(value, str):
        assert cell == value
    else:
        assert exact(cell) == exact(json.dumps(value)), type_


def test_the_measure_itself() -> None:
    """A generated test that compares nothing would pass."""
    assert wire(date(2013, 1, 31), parse_type("date")) == "2013-01-31"
    assert wire(Decimal("1E-9"), parse_type("decimal(30,9)")) == "0.000000001"
    assert exact("[15, 15.0]") == ["integer 15", "float 15.0"]

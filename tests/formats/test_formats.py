"""Whole answers: every format says the same, duplicate names and empty answers lose nothing, readers are real ones."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq
import pytest
import pytest_asyncio

from resolvers.formats.choose import Format
from resolvers.formats.column import columns, distinct
from resolvers.formats.encode import SLICE_ROWS
from resolvers.formats.parquet import GROUP_ROWS
from tests.formats.asking import FORMATS, asked, body

MANY = f"""
    SELECT i AS n, (i % 7)::INTEGER AS small, CASE WHEN i % 5 > 0 THEN i / 8 END AS half,
        (i / 100)::DECIMAL(12,2) AS price, CASE i % 4 WHEN 0 THEN '' WHEN 1 THEN NULL
        WHEN 2 THEN 'a"b,' || chr(10) || i ELSE 'é' || i END AS word, i % 2 = 0 AS even,
        DATE '1960-01-01' + (i % 9000)::INTEGER AS day, TIME '00:00:00' + to_microseconds(i * 250001) AS clock,
        TIMESTAMP '1969-12-31 23:59:50' + to_microseconds(i * 500000) AS moment,
        TIMESTAMPTZ '1969-12-31 23:59:50+00' + to_microseconds(i * 1000000) AS instant,
        [i, NULL] AS listed, {{'a': i, 'b': 'x' || i}} AS pair, 'b'::BLOB AS blob
    FROM range({SLICE_ROWS + 5000}) r(i)
"""


@pytest.fixture(scope="module")
def many() -> pa.Table:
    return asked(MANY)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rows(many: pa.Table) -> list[list[object]]:
    """As JSON tells them: the measure for all the others."""
    answer = json.loads(await body(many, "json"))
    assert answer["row_count"] == len(answer["rows"]) == many.num_rows
    return answer["rows"]


def test_json_says_what_the_engine_holds(many: pa.Table, rows: list[list[object]]) -> None:
    held = many.slice(0, 4).to_pylist()
    for row, record in zip(rows[:4], held, strict=True):
        assert row[0] == str(record["n"])
        assert row[3] == str(record["price"])
        assert row[4] == record["word"]
        assert row[6:9] == [record[name].isoformat() for name in ("day", "clock", "moment")]
        assert row[9] == record["instant"].strftime("%Y-%m-%dT%H:%M:%SZ")
        assert row[10] == [str(record["n"]), None]
        assert row[11] == {"a": str(record["n"]), "b": record["pair"]["b"]}


async def test_json_by_column(many: pa.Table, rows: list[list[object]]) -> None:
    answer = json.loads(await body(many, "json", layout="columns"))
    assert answer["data"] == [list(column) for column in zip(*rows, strict=True)]
    assert answer["row_count"] == len(rows)


async def test_ndjson(many: pa.Table, rows: list[list[object]]) -> None:
    lines = (await body(many, "ndjson")).decode().split("\n")
    assert lines.pop() == ""
    assert [list(json.loads(line).values()) for line in lines] == rows
    assert list(json.loads(lines[0])) == many.schema.names


async def test_ndjson_read_by_arrow(many: pa.Table) -> None:
    read = pajson.read_json(io.BytesIO(await body(many, "ndjson")), pajson.ReadOptions(block_size=1 << 24))
    assert read["word"].to_pylist() == many["word"].to_pylist()
    assert read["half"].to_pylist() == many["half"].to_pylist()


def cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


async def test_csv_read_by_python(many: pa.Table, rows: list[list[object]]) -> None:
    written = (await body(many, "csv")).decode()
    header, *lines = csv.reader(io.StringIO(written, newline=""), strict=True)
    assert header == many.schema.names
    assert lines == [[cell(value) for value in row] for row in rows]


async def test_csv_tells_null_from_the_empty_string(many: pa.Table, tmp_path: Path) -> None:
    written = await body(many.select(["n", "word"]), "csv")
    strict = pacsv.ConvertOptions(strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""])
    read = pacsv.read_csv(io.BytesIO(written), pacsv.ReadOptions(), pacsv.ParseOptions(newlines_in_values=True), strict)
    assert read["word"].to_pylist() == many["word"].to_pylist()
    file = tmp_path / "answer.csv"
    file.write_bytes(written)
    found = duckdb.sql(
        f"SELECT word FROM read_csv('{file}', allow_quoted_nulls = false, all_varchar = true)"
    ).fetchall()
    assert [word for (word,) in found] == many["word"].to_pylist()


async def test_arrow(many: pa.Table) -> None:
    read = pa.ipc.open_stream(await body(many, "arrow")).read_all()
    assert read.equals(many)


async def test_parquet_read_by_duckdb(many: pa.Table, rows: list[list[object]], tmp_path: Path) -> None:
    file = tmp_path / "answer.parquet"
    file.write_bytes(await body(many, "parquet"))
    read = asked(f"SELECT * FROM '{file}'")
    assert json.loads(await body(read, "json"))["rows"] == rows


async def test_parquet_row_groups_are_bounded() -> None:
    table = asked(f"SELECT i FROM range({GROUP_ROWS * 3 + 10}) r(i)")
    file = pq.ParquetFile(io.BytesIO(await body(table, "parquet")))
    sizes = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
    assert sum(sizes) == table.num_rows
    assert max(sizes) < GROUP_ROWS + SLICE_ROWS


@pytest.mark.parametrize("format_", FORMATS)
async def test_batch_sizes_do_not_show(many: pa.Table, format_: Format) -> None:
    some = many.slice(3, 700)
    small, large = await body(some, format_, rows=13), await body(some, format_)
    match format_:
        case "arrow":
            assert pa.ipc.open_stream(small).read_all().equals(pa.ipc.open_stream(large).read_all())
        case "parquet":
            assert pq.read_table(io.BytesIO(small)).equals(pq.read_table(io.BytesIO(large)))
        case _:
            assert small == large


EMPTY = "SELECT 1 AS a, 'x' AS b WHERE false"


async def test_empty_answers() -> None:
    table = asked(EMPTY)
    assert json.loads(await body(table, "json"))["rows"] == []
    assert json.loads(await body(table, "json"))["row_count"] == 0
    by_column = json.loads(await body(table, "json", layout="columns"))
    assert (by_column["data"], by_column["row_count"]) == ([[], []], 0)
    assert await body(table, "ndjson") == b""
    assert await body(table, "csv") == b"a,b\n"
    assert pa.ipc.open_stream(await body(table, "arrow")).read_all().equals(table)
    assert pq.read_table(io.BytesIO(await body(table, "parquet"))).equals(table)


async def test_names_that_repeat() -> None:
    table = pa.table([[1], [2], [3], [4]], names=["a", "a", "a_2", 'q"\n,é'])
    assert json.loads(await body(table, "json"))["rows"] == [["1", "2", "3", "4"]]
    named = {"a": "1", "a_3": "2", "a_2": "3", 'q"\n,é': "4"}
    assert json.loads(await body(table, "ndjson")) == named
    header, row = csv.reader(io.StringIO((await body(table, "csv")).decode(), newline=""))
    assert (header, row) == (["a", "a", "a_2", 'q"\n,é'], ["1", "2", "3", "4"])
    assert pa.ipc.open_stream(await body(table, "arrow")).read_all().schema.names == table.schema.names
    assert pq.read_table(io.BytesIO(await body(table, "parquet"))).schema.names == list(named)


def test_distinct_names() -> None:
    assert distinct(["a", "b", "a", "a", "a_2", "a"]) == ["a", "b", "a_3", "a_4", "a_2", "a_5"]
    assert distinct(["", "", "x"]) == ["", "_2", "x"]


@pytest.mark.parametrize("format_", ["arrow", "parquet"])
async def test_what_a_driver_noted_stays_here(format_: Format) -> None:
    """Drivers write their own type names, and where a column came from, into a schema; so may fields of fields."""
    noted = {"ADBC:postgresql:typname": "CANARY"}
    inner = pa.field("x", pa.int64(), metadata=noted)
    fields = [pa.field("s", pa.struct([inner]), metadata=noted), pa.field("l", pa.list_(pa.struct([inner])))]
    table = pa.Table.from_pylist([{"s": {"x": 1}, "l": [{"x": 2}]}], schema=pa.schema(fields, metadata=noted))
    written = await body(table, format_)
    assert b"CANARY" not in written
    assert b"ADBC" not in written
    read = pa.ipc.open_stream(written).read_all() if format_ == "arrow" else pq.read_table(io.BytesIO(written))
    assert read.to_pylist() == table.to_pylist()


async def test_types_of_columns() -> None:
    table = asked("SELECT 1 AS a, 1::HUGEINT AS b, now() AS c, NULL::DOUBLE[] AS d")
    answer = json.loads(await body(table, "json"))
    assert [column["type"] for column in answer["columns"]] == ["integer", "decimal(38,0)", "timestamp", "array<float>"]
    assert [column.name for column in columns(table.schema, [None] * 4)] == ["a", "b", "c", "d"]

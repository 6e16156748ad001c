"""Every type in every format: the texts of one value, and the same values read back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from resolvers.formats.column import columns
from schema.errors import Refusal
from schema.types import Kind, Type, parse_type
from tests.formats.asking import asked, body

HERE = Path(__file__).parent
VALUES: list[dict[str, str]] = yaml.safe_load((HERE / "cases" / "values.yaml").read_text(encoding="utf-8"))
WIRE: list[dict[str, str]] = [
    case
    for case in yaml.safe_load((HERE.parents[0] / "backends" / "cases" / "wire.yaml").read_text(encoding="utf-8"))
    if "duckdb" in case and not (case["type"] == "date" and case["duckdb"].startswith("TIMESTAMP"))
]


def declared(case: dict[str, str]) -> list[Type | None]:
    return [parse_type(case["type"]) if "type" in case else None]


@pytest.mark.parametrize("case", VALUES, ids=lambda case: f"{case['sql']}-{case.get('type', '')}"[:60])
async def test_texts_of_a_value(case: dict[str, str]) -> None:
    table, said = asked(f"SELECT {case['sql']} AS v"), declared(case)
    assert [str(column.type) for column in columns(table.schema, said)] == [case["is"]]
    answer = await body(table, "json", said)
    head, _, rest = answer.partition(b'"rows":[\n[')
    assert rest == case["json"].encode() + b']\n],"row_count":1}\n'
    assert json.loads(head + b'"x":0}')["columns"] == [{"name": "v", "type": case["is"]}]
    assert await body(table, "ndjson", said) == b'{"v":' + case["json"].encode() + b"}\n"
    assert await body(table, "csv", said) == b"v\n" + case["csv"].encode() + b"\n"
    assert (await body(table, "json", said, layout="columns")).endswith(
        b'"data":[[' + case["json"].encode() + b']],"row_count":1}\n'
    )


@pytest.mark.parametrize("case", VALUES, ids=lambda case: f"{case['sql']}-{case.get('type', '')}"[:60])
async def test_a_value_among_others(case: dict[str, str]) -> None:
    """In the middle of a slice, with NULL on both sides, the text is the same."""
    rows = asked(f"SELECT v FROM (SELECT {case['sql']} AS v, 1 AS n UNION ALL SELECT NULL, 0 UNION ALL SELECT NULL, 2)")
    ordered = pa.concat_tables([rows, rows, rows]).combine_chunks()
    only = asked(f"SELECT {case['sql']} AS v")
    several = pa.concat_tables([ordered, only, ordered]).combine_chunks().slice(8, 3)
    lines = (await body(several, "ndjson", declared(case))).splitlines()
    assert lines[1] == b'{"v":' + case["json"].encode() + b"}"


@pytest.mark.parametrize("case", VALUES, ids=lambda case: f"{case['sql']}-{case.get('type', '')}"[:60])
async def test_read_back_from_binary_formats(case: dict[str, str]) -> None:
    """Arrow and Parquet give the values themselves: written as JSON, they are the same again."""
    table, said = asked(f"SELECT {case['sql']} AS v"), declared(case)
    arrow = pa.ipc.open_stream(await body(table, "arrow", said)).read_all()
    assert arrow.schema.field(0).metadata == {b"customhouse.type": case["is"].encode()}
    assert await body(arrow, "json", said) == await body(table, "json", said)
    parquet = pq.read_table(io.BytesIO(await body(table, "parquet", said)))
    stated = [None] if parse_type(case["is"]).kind is Kind.INTERVAL else said  # a string there
    rows = json.loads(await body(parquet, "json", stated))["rows"]
    assert rows == json.loads(await body(table, "json", said))["rows"]


@pytest.mark.parametrize("case", WIRE, ids=lambda case: f"{case['type']}-{case['want']}"[:60])
async def test_wire_form_is_that_of_every_back_end(case: dict[str, str]) -> None:
    table, said = asked(f"SELECT {case['duckdb']} AS v"), declared(case)
    (column,) = columns(table.schema, said)
    assert column.type.kind is parse_type(case["type"]).kind
    answer = orjson.loads(await body(table, "json", said))
    want = orjson.loads(case["want"])
    assert orjson.dumps(answer["rows"][0][0]) == orjson.dumps(want)
    header, *fields = csv.reader(io.StringIO((await body(table, "csv", said)).decode(), newline=""))
    cell = fields[0][0] if fields and fields[0] else ""
    assert header == ["v"]
    if want is None:
        assert cell == ""
    elif isinstance(want, str) and column.type.kind is not Kind.JSON:
        assert cell == want
    else:
        assert orjson.dumps(orjson.loads(cell)) == orjson.dumps(want)


@pytest.mark.parametrize("written", ["{", "NaN", "", "[1] [2]", "{'a': 1}"])
async def test_declared_json_that_is_none(written: str) -> None:
    """Pasted into an answer it would break it, or say something that no row holds."""
    table = pa.table({"v": [written]})
    for format_ in ("json", "ndjson", "csv"):
        with pytest.raises(Refusal) as refused:
            await body(table, format_, [Type(Kind.JSON)])
        assert refused.value.code == "CH502"


def test_a_type_without_a_logical_one() -> None:
    with pytest.raises(ValueError, match="duration"):
        columns(pa.schema([("v", pa.duration("s"))]), [None])

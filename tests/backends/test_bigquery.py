"""The BigQuery back end against a stand-in for its API: what is asked of it, and what becomes of its answers."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from resolvers.backends.asked import ASKED, Asked, hidden
from resolvers.backends.backend import Bounds, Deadline
from resolvers.backends.bigquery import BigQuery
from resolvers.backends.bigquery_parameters import struct
from resolvers.backends.binding import values
from resolvers.backends.dialect import Statement
from resolvers.backends.places import Places
from resolvers.backends.registry import open_backend
from schema.errors import Refusal
from schema.types import parse_type
from tests.backends.bigquery_stand_in import House, serving, until
from tests.backends.conformance import slots
from tests.backends.engines import source

WIDE = Bounds(100_000, 1 << 26)
ONE = Statement("SELECT 1", ())
STRING = {"name": "s", "type": "STRING"}


async def fetch(
    bigquery: BigQuery, statement: Statement = ONE, seconds: float = 20, bounds: Bounds = WIDE
) -> list[object]:
    bound = values(statement, lambda slot: slot.value)
    return list(await bigquery.fetch(statement, bound, Deadline.after(seconds), bounds))


async def refused(bigquery: BigQuery, seconds: float = 20, bounds: Bounds = WIDE) -> str:
    with pytest.raises(Refusal) as refusal:
        await fetch(bigquery, seconds=seconds, bounds=bounds)
    assert "CANARY" not in refusal.value.message + str(refusal.value.hint)
    return refusal.value.code


# --- what is asked


async def test_a_job_is_bounded_named_and_placed(bigquery: BigQuery, house: House) -> None:
    token = ASKED.set(Asked("01J9K/Request", hidden("ann@example.org", b"key")))
    try:
        assert await fetch(bigquery) == [(1,)]
    finally:
        ASKED.reset(token)
    (begun,) = house.of("POST", "/bigquery/v2/projects/acme/jobs")
    job, query = begun.body["configuration"], begun.body["configuration"]["query"]
    assert query["query"] == "SELECT 1"
    assert (query["useLegacySql"], query["parameterMode"], query["queryParameters"]) == (False, "NAMED", [])
    assert query["maximumBytesBilled"] == str(20 * 2**20)
    assert query["defaultDataset"] == {"projectId": "acme", "datasetId": "ops"}
    assert 15_000 < int(job["jobTimeoutMs"]) <= 20_000
    assert job["labels"] == {
        "customhouse_request": "01j9k_request",
        "customhouse_subject": hidden("ann@example.org", b"key"),
    }
    reference = begun.body["jobReference"]
    assert (reference["projectId"], reference["location"]) == ("acme", "EU")
    (page,) = house.of("GET", f"/projects/acme/queries/{reference['jobId']}")
    assert page.query["location"] == "EU"
    assert house.of("POST", "/cancel") == []


async def test_nobody_is_named_where_nobody_is_known(bigquery: BigQuery, house: House) -> None:
    await fetch(bigquery)
    assert house.calls[0].body["configuration"]["labels"] == {}


def test_a_subject_is_hidden() -> None:
    """A label is read by whoever reads the project's jobs; it is one zone's, and fits into a label."""
    made = hidden("ann@example.org", b"key")
    assert made == hidden("ann@example.org", b"key")
    assert made not in (hidden("ann@example.org", b"other"), hidden("bob@example.org", b"key"))
    assert len(made) == 32 and made.isalnum() and made == made.lower()


@pytest.mark.parametrize(
    ("type_", "value", "parameter", "sent"),
    [
        ("boolean", True, {"type": "BOOL"}, {"value": "true"}),
        ("integer", -5, {"type": "INT64"}, {"value": "-5"}),
        ("float", 0.1, {"type": "FLOAT64"}, {"value": "0.1"}),
        ("float", float("inf"), {"type": "FLOAT64"}, {"value": "inf"}),
        ("string", "é", {"type": "STRING"}, {"value": "é"}),
        ("string", None, {"type": "STRING"}, {"value": None}),
        ("date", "2013-01-31", {"type": "DATE"}, {"value": "2013-01-31"}),
        ("time", "05:06:07", {"type": "TIME"}, {"value": "05:06:07"}),
        ("datetime", "2013-01-31T05:06:07", {"type": "DATETIME"}, {"value": "2013-01-31 05:06:07"}),
        ("timestamp", "2013-01-31T05:06:07+02:00", {"type": "TIMESTAMP"}, {"value": "2013-01-31 03:06:07+00:00"}),
        ("bytes", "AP8Q", {"type": "STRING"}, {"value": "AP8Q"}),
        ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", {"type": "STRING"},
         {"value": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}),
        ("decimal", "12.50", {"type": "NUMERIC"}, {"value": "12.50"}),
        ("decimal", "1e28", {"type": "NUMERIC"}, {"value": "1" + "0" * 28}),
        ("decimal", "1e29", {"type": "BIGNUMERIC"}, {"value": "1" + "0" * 29}),
        ("decimal", "0.0000000001", {"type": "BIGNUMERIC"}, {"value": "0.0000000001"}),
        ("list<bigint>", ["1", 2, None], {"type": "ARRAY", "arrayType": {"type": "INT64"}},
         {"arrayValues": [{"value": "1"}, {"value": "2"}, {"value": None}]}),
        ("list<decimal>", ["1", "1e-20"], {"type": "ARRAY", "arrayType": {"type": "BIGNUMERIC"}},
         {"arrayValues": [{"value": "1"}, {"value": "0.00000000000000000001"}]}),
        ("list<string>", [], {"type": "ARRAY", "arrayType": {"type": "STRING"}}, {"arrayValues": []}),
    ],
)  # fmt: skip
async def test_parameters(
    bigquery: BigQuery, house: House, type_: str, value: object, parameter: object, sent: object
) -> None:
    await fetch(bigquery, Statement("SELECT @p0", tuple(slots({"v": [type_, value]}).values())))
    assert house.calls[0].body["configuration"]["query"]["queryParameters"] == [
        {"name": "p0", "parameterType": parameter, "parameterValue": sent}
    ]


def test_a_struct() -> None:
    made = slots({"n": ["integer", 1], "tags": ["list<string>", ["a"]]})
    assert struct("row", [(made["n"], 1), (made["tags"], ["a"])]) == {
        "name": "row",
        "parameterType": {
            "type": "STRUCT",
            "structTypes": [
                {"name": "n", "type": {"type": "INT64"}},
                {"name": "tags", "type": {"type": "ARRAY", "arrayType": {"type": "STRING"}}},
            ],
        },
        "parameterValue": {"structValues": {"n": {"value": "1"}, "tags": {"arrayValues": [{"value": "a"}]}}},
    }


async def test_more_digits_than_there_are(bigquery: BigQuery, house: House) -> None:
    with pytest.raises(Refusal) as refusal:
        await fetch(bigquery, Statement("SELECT @p0", tuple(slots({"v": ["decimal", "1e50"]}).values())))
    assert (refusal.value.code, house.calls) == ("CH504", [])


async def test_an_estimate_is_a_dry_run(bigquery: BigQuery, house: House) -> None:
    house.bytes = 12_345
    assert await bigquery.estimate(ONE, ()) == 12_345
    (asked,) = house.calls
    assert asked.body["configuration"]["dryRun"] is True
    assert asked.body["jobReference"] == {"projectId": "acme", "location": "EU"}
    await bigquery.check()
    assert [call.body["configuration"]["dryRun"] for call in house.calls] == [True, True]


# --- what becomes of answers


async def test_rows(bigquery: BigQuery, house: House) -> None:
    kinds = ["INTEGER", "FLOAT", "FLOAT", "BOOLEAN", "STRING", "BYTES", "NUMERIC"]
    house.fields = [{"name": f"c{at}", "type": kind} for at, kind in enumerate(kinds)]
    house.pages = [
        [["-5", "1.5", "NaN", "true", "x", "WzEsMi41XQ==", "1.50"], [None] * 7],
        [["7", "2", "1", "false", "", None, "2"]],
    ]
    assert await fetch(bigquery) == [
        (-5, 1.5, None, True, "x", [1, 2.5], "1.50"),
        (None,) * 7,
        (7, 2.0, 1.0, False, "", None, "2"),
    ]


async def test_too_many_rows_are_not_asked_for(bigquery: BigQuery, house: House) -> None:
    house.pages = [[["1"]] * 5] * 100
    assert await refused(bigquery, bounds=Bounds(12, 1 << 20)) == "CH601"
    assert [call.query["maxResults"] for call in house.of("GET", "")] == ["13", "8", "3"]


async def test_too_many_bytes(bigquery: BigQuery, house: House) -> None:
    house.fields, house.pages = [STRING], [[["x" * 100]] * 5] * 100
    assert await refused(bigquery, bounds=Bounds(1000, 1200)) == "CH602"
    assert len(house.of("GET", "")) == 3


async def test_describe(bigquery: BigQuery, house: House) -> None:
    decimal = {"name": "d", "type": "NUMERIC", "precision": "12", "scale": "2"}
    inner = [{"name": "a", "type": "INTEGER"}, {"name": "b", "type": "BIGNUMERIC", "mode": "REPEATED"}]
    record = {"name": "r", "type": "RECORD", "mode": "REPEATED", "fields": inner}
    odd = [
        {"name": "g", "type": "GEOGRAPHY"},
        {"name": "h", "type": "RECORD", "fields": [{"name": "x", "type": "RANGE"}]},
    ]
    key = {"columnReferences": [{"referencingColumn": "parent", "referencedColumn": "id"}]}
    house.tables = {
        "parents": {
            "description": "who has children",
            "schema": {"fields": [{"name": "id", "type": "INTEGER", "mode": "REQUIRED", "description": "a number"}]},
            "tableConstraints": {"primaryKey": {"columns": ["id"]}},
        },
        "children": {
            "schema": {"fields": [{"name": "parent", "type": "INTEGER"}, decimal, record, *odd]},
            "tableConstraints": {"foreignKeys": [{"referencedTable": {"tableId": "parents"}, **key}]},
        },
    }
    parents, children = await bigquery.describe()
    assert (parents.path, parents.key, parents.comment) == (("parents",), ("id",), "who has children")
    assert [(c.name, c.type, c.nullable, c.comment) for c in parents.columns] == [("id", "bigint", False, "a number")]
    assert [(c.name, c.type) for c in children.columns] == [
        ("parent", "bigint"),
        ("d", "decimal(12,2)"),
        ("r", "array<struct<a: bigint, b: array<decimal(76,38)>>>"),
        ("g", "unknown: GEOGRAPHY"),
        ("h", "unknown: RANGE"),
    ]
    assert [parse_type(c.type) for c in children.columns[:3]]
    (foreign,) = children.foreign_keys
    assert (foreign.columns, foreign.target, foreign.target_columns) == (("parent",), ("parents",), ("id",))


# --- what becomes of failures


async def test_the_deadline_cancels_the_job(bigquery: BigQuery, house: House) -> None:
    house.slow = True
    assert await refused(bigquery, seconds=0.3) == "CH503"
    await asyncio.to_thread(until, lambda: bool(house.cancelled))
    (cancel,) = house.of("POST", "/cancel")
    assert cancel.path.split("/")[-2] == house.calls[0].body["jobReference"]["jobId"]
    assert cancel.query["location"] == "EU"


async def test_a_caller_who_leaves_cancels_the_job_and_frees_its_thread(bigquery: BigQuery, house: House) -> None:
    house.slow = True
    tasks = [asyncio.create_task(fetch(bigquery)) for _ in range(3)]
    await asyncio.to_thread(until, lambda: len(house.of("GET", "")) == 2)
    assert bigquery.places() == [Places("threads", 2, 2, 1)]
    for task in reversed(tasks):
        task.cancel()
    assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*tasks, return_exceptions=True))
    await asyncio.to_thread(until, lambda: house.cancelled == house.jobs)
    await asyncio.to_thread(until, lambda: bigquery.places() == [Places("threads", 0, 2, 0)])
    house.slow = False
    assert await fetch(bigquery) == [(1,)]


async def test_what_is_away_for_a_moment_is_asked_again(bigquery: BigQuery, house: House) -> None:
    house.wrong = [(503, "backendError"), (429, "rateLimitExceeded"), (403, "rateLimitExceeded")]
    assert await fetch(bigquery) == [(1,)]
    begun = house.of("POST", "/jobs")
    assert len(begun) == 4
    assert len({call.body["jobReference"]["jobId"] for call in begun}) == 1


async def test_a_job_whose_beginning_was_not_answered_runs_once(bigquery: BigQuery, house: House) -> None:
    """Asked again under its name: the service says that it has it."""
    house.wrong = [None]
    assert await fetch(bigquery) == [(1,)]
    assert (len(house.of("POST", "/jobs")), len(house.jobs)) == (2, 1)


@pytest.mark.parametrize(
    ("status", "reason", "code"),
    [
        (400, "invalidQuery", "CH502"),
        (400, "bytesBilledLimitExceeded", "CH610"),
        (403, "accessDenied", "CH502"),
        (404, "notFound", "CH502"),
        (403, "quotaExceeded", "CH501"),
        (401, "authError", "CH501"),
    ],
)
async def test_refusals(
    bigquery: BigQuery, house: House, status: int, reason: str, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The service's sentences quote cells without quotes: only its words for what is wrong are logged."""
    house.failing = (status, reason)
    with caplog.at_level(logging.WARNING):
        assert await refused(bigquery) == code
    assert "CANARY" not in caplog.text
    assert status == 401 or reason in caplog.text  # google-auth then says that it cannot get another token
    assert len(house.of("GET", "")) == 1
    assert house.of("POST", "/cancel") == []


async def test_what_stays_away_is_given_up_at_the_deadline(bigquery: BigQuery, house: House) -> None:
    house.wrong = [(503, "backendError")] * 1000
    assert await refused(bigquery, seconds=0.4) in ("CH501", "CH503")


async def test_a_source_that_refuses_a_check_is_of_no_use(bigquery: BigQuery, house: House) -> None:
    house.wrong = [(403, "accessDenied")]
    with pytest.raises(Refusal) as refusal:
        await bigquery.check()
    assert refusal.value.code == "CH501"


async def test_nothing_listens_there(tmp_path: Path) -> None:
    with serving(House()) as address:
        pass
    backend = open_backend(source("bigquery"), f"bigquery://acme/ops?endpoint={address}", tmp_path)
    try:
        with pytest.raises(Refusal) as refusal:
            await backend.fetch(ONE, (), Deadline.after(0.4), WIDE)
        assert refusal.value.code in ("CH501", "CH503")
    finally:
        await backend.close()

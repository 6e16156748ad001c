"""BigQuery in the suite, in front of an emulator: SQL, parameters, types, pages and the API's words are proven by it.

It ends every job before it answers, so stopping one is proven against the stand-in only (test_bigquery.py); and it
enforces no limit of bytes and no time, keeps no labels and estimates nothing, so of these only the asking is proven.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from resolvers.backends.asked import ASKED, Asked
from resolvers.backends.backend import Backend, Deadline
from resolvers.backends.bigquery import BigQuery
from resolvers.backends.dialect import Statement
from resolvers.backends.registry import open_backend
from tests.backends.bigquery_emulator import emulator, facts, recorded
from tests.backends.bigquery_stand_in import Call
from tests.backends.conformance import WIDE, Conformance, ask
from tests.backends.engines import FACTS, Engine, bigquery_engine, source

pytestmark = pytest.mark.slow_parts

_UNPROVEN = yaml.safe_load((Path(__file__).parent / "cases" / "bigquery_unproven.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with emulator(tmp_path_factory.mktemp("bigquery")) as addresses:
        facts(addresses[0])
        yield addresses


@pytest.fixture(scope="module")
def passed(served: tuple[str, str]) -> Iterator[tuple[str, list[Call]]]:
    with recorded(served[0]) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def engine(passed: tuple[str, list[Call]]) -> Engine:
    return bigquery_engine(passed[0])


@pytest.fixture(autouse=True)
def unproven(request: pytest.FixtureRequest) -> None:
    case = request.node.callspec.params.get("case") if hasattr(request.node, "callspec") else None
    for one in _UNPROVEN if isinstance(case, Mapping) else ():
        same = one["test"] == request.node.originalname and one["case"] in (case.get("type"), case.get("sql"))
        if same and one.get("want") in (None, case["want"]) and one.get("binds", "") in str(_texts(case)):
            request.node.add_marker(pytest.mark.xfail(reason=one["why"], strict=True))


def _texts(case: Mapping[str, object]) -> str:
    binds = case.get("binds")
    return " ".join(str(bind[1]) for bind in binds.values()) if isinstance(binds, dict) else ""


class TestBigQuery(Conformance):
    described: Mapping[str, str] = {
        **FACTS,
        "id": "bigint",
        "n": "bigint",
        "d": "decimal(38,9)",  # the emulator's API forgets precision and scale
    }

    test_timeout_reaches_the_engine = None  # type: ignore[assignment]
    test_cancellation_reaches_the_engine = None  # type: ignore[assignment]
    test_cancelling_one_leaves_the_others_alone = None  # type: ignore[assignment]
    test_places_tell_what_runs_and_what_waits = None  # type: ignore[assignment]
    test_a_source_that_is_full_of_statements_answers = None  # type: ignore[assignment]
    test_places_of_streams = None  # type: ignore[assignment]  # a stream has no place of its own

    # Streams: BigQuery has a script for what are two statements, and no two columns of one name; its account is what
    # cannot write; and its jobs are done when their rows come (test_bigquery_arrow.py).
    test_what_the_engine_does_not_accept = None  # type: ignore[assignment]
    test_two_columns_of_one_name = None  # type: ignore[assignment]
    test_a_stream_cannot_write = None  # type: ignore[assignment]
    test_a_deadline_before_the_columns = None  # type: ignore[assignment]
    test_a_deadline_between_batches = None  # type: ignore[assignment]
    test_a_stream_that_is_closed_early = None  # type: ignore[assignment]
    test_the_task_that_reads_is_cancelled = None  # type: ignore[assignment]
    test_a_slow_reader_holds_the_engine = None  # type: ignore[assignment]
    test_several_at_once_beside_ordinary_statements = None  # type: ignore[assignment]
    test_closing_the_source_stops_its_streams = None  # type: ignore[assignment]

    async def test_describe(self, backend: Backend) -> None:
        """Without keys: the emulator's API has none (test_bigquery.py has)."""
        tables = {table.path: table for table in await backend.describe()}
        assert set(tables) >= {("facts",), ("parents",), ("children",), ("numbers",)}
        assert {column.name: column.type for column in tables["facts",].columns} == self.described
        parents = tables["parents",]
        assert (parents.comment, parents.columns[1].comment) == ("who has children", "what they are called")
        assert [column.nullable for column in parents.columns] == [False, False]

    @pytest.mark.parametrize(("token", "want"), [("a", 1.5), ("b", 2.5), ("c", None), (None, None)])
    async def test_a_value_in_the_place_of_a_token(self, backend: Backend, token: object, want: object) -> None:
        binds: dict[str, list[object]] = {
            "t": ["string", token],
            "k": ["list<string>", ["a", "b"]],
            "v": ["list<float>", [1.5, 2.5]],
        }
        assert await ask(backend, "CH_BOUND(:t, :k, :v)", "float", binds) == want

    @pytest.mark.parametrize(("value", "want"), [("b", True), ("c", False), (None, None)])
    async def test_an_array_that_has_a_value(self, backend: Backend, value: object, want: object) -> None:
        binds: dict[str, list[object]] = {"l": ["list<string>", ["a", "b"]], "v": ["string", value]}
        assert await ask(backend, "CH_HAS(:l, :v)", "boolean", binds) is want

    async def test_what_passes(self, backend: Backend, passed: tuple[str, list[Call]]) -> None:
        """The emulator accepts what it does not do; that it is asked is seen here."""
        assert isinstance(backend, BigQuery)
        calls = passed[1]
        calls.clear()
        token = ASKED.set(Asked("01J9K", "c0ffee"))
        try:
            assert await ask(backend, "CH_LENGTH(:s)", "integer", {"s": ["string", "abc"]}) == 3
            await backend.estimate(Statement("SELECT 1", ()), ())
        finally:
            ASKED.reset(token)
        job, dry = (call.body["configuration"] for call in calls if call.method == "POST")
        assert job["query"]["queryParameters"] == [
            {"name": "p0", "parameterType": {"type": "STRING"}, "parameterValue": {"value": "abc"}}
        ]
        assert job["query"]["maximumBytesBilled"] == str(10 * 2**30)
        assert job["labels"] == dry["labels"] == {"customhouse_request": "01j9k", "customhouse_subject": "c0ffee"}
        assert int(job["jobTimeoutMs"]) <= 20_000
        assert (job.get("dryRun"), dry["dryRun"]) == (None, True)
        (page,) = (call for call in calls if call.method == "GET")
        assert page.query["location"] == "US"

    async def test_stream(self, backend: Backend) -> None:
        assert isinstance(backend, BigQuery)
        stream = await backend.stream(Statement("SELECT * FROM facts ORDER BY id", ()), (), Deadline.after(20))
        rows = [row for batch in [batch async for batch in stream] for row in batch.to_pylist()]
        assert [str(field.type) for field in stream.schema] == [
            "int64", "int64", "int64", "decimal128(38, 9)", "double", "string", "bool", "date32[day]",
            "timestamp[us, tz=UTC]",
        ]  # fmt: skip
        assert [row["id"] for row in rows] == [1, 2, 3, 4, 5]
        assert rows[2]["moment"].isoformat() == "2013-06-01T00:00:00.500000+00:00"
        numbers = await backend.stream(Statement("SELECT i FROM numbers ORDER BY i", ()), (), Deadline.after(20))
        assert sum([batch.num_rows async for batch in numbers]) == 3000
        assert len(await backend.fetch(Statement("SELECT i FROM numbers", ()), (), Deadline.after(20), WIDE)) == 3000


async def test_rows_by_the_storage_api(served: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's own sessions, messages and Arrow; its types beside those that REST gives for the same job."""
    monkeypatch.setattr("resolvers.backends.bigquery._ROWS", 2)
    asked = Statement("SELECT * FROM facts ORDER BY id", ())
    with recorded(served[0], "facts") as (address, calls):
        tables = []
        for options in ({"storage_api": served[1]}, {}):
            url = f"bigquery://acme/facts?location=US&endpoint={address}"
            backend = open_backend(source("bigquery", **options), url, Path())
            try:
                stream = await backend.stream(asked, (), Deadline.after(20))
                tables.append(pa.Table.from_batches([batch async for batch in stream], stream.schema))
            finally:
                await backend.close()
        by_storage, by_rest = tables
    assert by_storage.schema == by_rest.schema
    assert sorted(by_storage.to_pylist(), key=lambda row: row["id"]) == by_rest.to_pylist()
    pages = [call.query["maxResults"] for call in calls if "/queries/" in call.path]
    assert (pages[0], pages.count("2")) == ("2", 1)
    assert len([call for call in calls if call.method == "GET" and "/jobs/" in call.path]) == 1


async def test_many_rows_by_the_storage_api(served: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolvers.backends.bigquery._ROWS", 1000)
    with recorded(served[0], "numbers") as (address, _):
        url = f"bigquery://acme/facts?location=US&endpoint={address}"
        backend = open_backend(source("bigquery", storage_api=served[1]), url, Path())
        try:
            stream = await backend.stream(Statement("SELECT * FROM numbers", ()), (), Deadline.after(20))
            found = pa.Table.from_batches([batch async for batch in stream], stream.schema)
        finally:
            await backend.close()
    assert sorted(found["i"].to_pylist()) == list(range(3000))

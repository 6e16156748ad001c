"""What every back end must do when its rows are streamed in Arrow; the part of the suite that `conformance` inherits.

Nothing here measures time: a slow reader, a deadline and a stop are seen by what was produced, and by what the engine
still runs.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from sqlglot import parse_one

from resolvers.backends.backend import Backend, Bounds, Deadline
from resolvers.backends.binding import values
from resolvers.backends.dialect import Statement
from resolvers.backends.stream import ArrowStream
from resolvers.backends.streams import ThreadStream
from schema.errors import Refusal
from schema.query import Slot
from schema.types import parse_type
from tests.backends.engines import Engine

_CASES = Path(__file__).parent / "cases" / "streams.yaml"


def cases() -> list[dict[str, str]]:
    found: list[dict[str, str]] = yaml.safe_load(_CASES.read_text(encoding="utf-8"))
    return found


async def opened(backend: Backend, statement: Statement | str, seconds: float = 20) -> ArrowStream:
    ready = Statement(statement, ()) if isinstance(statement, str) else statement
    return await backend.stream(ready, values(ready, lambda slot: slot.value), Deadline.after(seconds))


async def read(backend: Backend, statement: Statement | str) -> pa.Table:
    stream = await opened(backend, statement)
    try:
        return pa.Table.from_batches([batch async for batch in stream], stream.schema)
    finally:
        await stream.aclose()


def bound(backend: Backend, sql: str, binds: Mapping[str, list[object]]) -> Statement:
    """``name: [type, value]``; a list for a list bind."""
    made = {}
    for name, (spelt, value) in binds.items():
        made[name] = Slot(name, parse_type(str(spelt)), "constant", many=isinstance(value, list), value=value)
    return backend.dialect.render(parse_one(sql), made)


@pytest.mark.asyncio(loop_scope="module")
class Streaming:
    """Inherited by the suite."""

    async def running(self, engine: Engine) -> int:
        raise NotImplementedError

    async def begun(self, engine: Engine) -> None:
        raise NotImplementedError

    async def full(self, backend: Backend, used: int, waiting: int, at: int = 0) -> None:
        raise NotImplementedError

    async def test_places_of_streams(self, engine: Engine) -> None:
        """One that is read holds its place to its end, beside those of other statements."""
        backend = engine.opened(pool_size=1, workers=1, streams=1)
        try:
            assert [one.pool for one in backend.places()][1:] == ["streams"]
            first = await opened(backend, engine.long(100_000))
            waiting = asyncio.create_task(opened(backend, engine.long(10)))
            await self.full(backend, 1, 1, at=1)
            assert backend.places()[0].used == 0
            await first.aclose()
            second = await waiting
            await self.full(backend, 1, 0, at=1)
            await second.aclose()
            await self.full(backend, 0, 0, at=1)
        finally:
            await backend.close()

    @pytest.mark.parametrize("case", cases(), ids=lambda case: " ".join(map(str, case.values()))[:70])
    async def test_a_column_in_arrow(self, engine: Engine, backend: Backend, case: dict[str, str]) -> None:
        if engine.literal not in case:
            return
        sql = f"SELECT {case[engine.literal]} AS v"
        if "refused" in case:
            with pytest.raises(Refusal) as refused:
                await read(backend, sql)
            assert refused.value.code == case["refused"]
            return
        table = await read(backend, sql)
        assert str(table.schema.field("v").type) == case.get(f"type_{engine.literal}", case["type"])
        assert repr(table["v"][0].as_py()) == case.get(f"value_{engine.literal}", case["value"])
        assert table.schema.field("v").metadata is None

    @pytest.mark.parametrize(
        ("type_", "column", "value", "want"),
        [
            ("string", "s", "é", [4]),
            ("string", "s", ["a", "é", None], [3, 4]),
            ("string", "s", [], []),
            ("integer", "n", 1, [2]),
            ("integer", "n", [0, 2], [1, 4]),
            ("bigint", "big", 9223372036854775807, [1, 2]),
            ("bigint", "big", ["9223372036854775807"], [1, 2]),
            ("float", "f", 2.5, [4]),
            ("float", "f", [0.25, 2.5], [2, 4]),
            ("decimal", "d", "2.25", [3]),
            ("decimal", "d", ["0.1", "10"], [1, 2]),
            ("boolean", "ok", True, [1, 3]),
            ("boolean", "ok", [False], [2]),
            ("date", "day", "2013-01-02", [1]),
            ("date", "day", ["2013-01-02", "2013-01-31"], [1, 2]),
            ("string", "s", None, []),
            ("integer", "n", [None], []),
        ],
    )
    async def test_binds(self, backend: Backend, type_: str, column: str, value: object, want: list[int]) -> None:
        test = f"CH_IN({column}, :v)" if isinstance(value, list) else f"{column} = :v"
        statement = bound(backend, f"SELECT id FROM facts WHERE {test} ORDER BY id", {"v": [type_, value]})
        assert (await read(backend, statement))["id"].to_pylist() == want

    async def test_an_hmac_key_is_bound(self, backend: Backend) -> None:
        """Bytes as binds: what is masked by a hash streams like all else."""
        statement = bound(backend, "SELECT CH_HMAC(:k, :s) AS h", {"k": ["bytes", "a2V5"], "s": ["string", "x"]})
        want = hmac.new(b"key", b"x", hashlib.sha256).hexdigest()
        assert (await read(backend, statement))["h"].to_pylist() == [want]

    async def test_null_alone_and_no_rows_have_columns(self, backend: Backend) -> None:
        only = await read(backend, "SELECT id, n, big FROM facts WHERE id = 5")
        assert only.to_pylist() == [{"id": 5, "n": None, "big": None}]
        none = await read(backend, "SELECT id, s FROM facts WHERE id = 99")
        assert (none.schema.names, none.num_rows) == (["id", "s"], 0)

    async def test_two_columns_of_one_name(self, backend: Backend) -> None:
        table = await read(backend, f"SELECT 1 AS a, 2 AS a, 3 AS {quoted(backend, 'A b')}")
        assert table.schema.names == ["a", "a", "A b"]
        assert [column.to_pylist() for column in table.columns] == [[1], [2], [3]]

    async def test_many_rows_in_order(self, backend: Backend, engine: Engine) -> None:
        table = await read(backend, engine.long(50_000))
        assert table["i"].to_pylist() == list(range(50_000))
        assert {len(text) for text in table["pad"].to_pylist()} == {100}

    async def test_engine_text_of_a_broken_stream_reaches_only_the_log(
        self, engine: Engine, backend: Backend, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It fails after rows have left: engines quote the cell that they tripped over."""
        with caplog.at_level(logging.DEBUG), pytest.raises(Refusal) as refused:
            stream = await opened(backend, engine.breaks)
            async for _ in stream:
                pass
        said = refused.value
        assert (said.code, said.status) == ("CH502", 500)
        assert [record.name for record in caplog.records if record.levelno >= logging.WARNING] == ["customhouse.source"]
        assert "CANARY-7f3a" not in caplog.text + said.message + str(said.hint)
        assert said.__cause__ is None and said.__suppress_context__
        assert (await read(backend, "SELECT 1 AS a"))["a"].to_pylist() == [1]

    @pytest.mark.parametrize("broken", ["SELECT nothing FROM nowhere", "SELECT 1 AS a; SELECT 2 AS a", "nonsense"])
    async def test_what_the_engine_does_not_accept(self, backend: Backend, broken: str) -> None:
        with pytest.raises(Refusal) as refused:
            await read(backend, broken)
        assert refused.value.code == "CH502"

    @pytest.mark.parametrize("writing", ["INSERT INTO facts (id) VALUES (99)", "DELETE FROM facts"])
    async def test_a_stream_cannot_write(self, backend: Backend, writing: str) -> None:
        with pytest.raises(Refusal) as refused:
            await read(backend, writing)
        assert refused.value.code == "CH502"
        assert (await read(backend, "SELECT COUNT(*) AS c FROM facts"))["c"].to_pylist() == [5]

    async def test_a_deadline_before_the_columns(self, engine: Engine) -> None:
        """With one stream at a time, the next one can only run once the engine has really stopped the slow one."""
        backend = engine.opened(streams=1)
        try:
            with pytest.raises(Refusal) as refused:
                await self._all(await opened(backend, engine.slow, seconds=0.5))
            assert (refused.value.code, refused.value.status) == ("CH503", 504)
            assert (await read(backend, "SELECT 1 AS a"))["a"].to_pylist() == [1]
            assert await self.running(engine) == 0
        finally:
            await backend.close()

    async def test_a_deadline_between_batches(self, engine: Engine) -> None:
        """A reader that never comes back does not hold the engine longer than its deadline."""
        backend = engine.opened(streams=1)
        try:
            stream = await opened(backend, engine.long(50_000_000), seconds=1)
            batches = aiter(stream)
            await anext(batches)
            await asyncio.sleep(1.2)
            with pytest.raises(Refusal) as refused:
                await self._all(stream)
            assert refused.value.code == "CH503"
            assert (await read(backend, "SELECT 1 AS a"))["a"].to_pylist() == [1]
        finally:
            await backend.close()

    async def test_a_stream_that_is_closed_early(self, engine: Engine) -> None:
        backend = engine.opened(streams=1)
        try:
            stream = await opened(backend, engine.long(50_000_000))
            first = await anext(aiter(stream))
            assert 0 < first.num_rows <= 16_384
            await stream.aclose()
            await stream.aclose()
            assert [batch async for batch in stream] == []
            assert (await read(backend, "SELECT 1 AS a"))["a"].to_pylist() == [1]
        finally:
            await backend.close()

    @pytest.mark.parametrize("after", ["before the columns", "between batches"])
    async def test_the_task_that_reads_is_cancelled(self, engine: Engine, after: str) -> None:
        backend = engine.opened(streams=1)
        slow = after == "before the columns"

        async def reading() -> None:
            await self._all(await opened(backend, engine.slow if slow else engine.long(50_000_000), 60))

        try:
            task = asyncio.create_task(reading())
            await (self.begun(engine) if slow else asyncio.sleep(0.3))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await read(backend, "SELECT 1 AS a"))["a"].to_pylist() == [1]
            assert await self.running(engine) == 0
        finally:
            await backend.close()

    async def test_a_slow_reader_holds_the_engine(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Batches that were produced, against those that were taken: one ahead, never more."""
        produced, has = [], ThreadStream.has

        def counted(self: ThreadStream, batch: pa.RecordBatch, taken: object) -> None:
            produced.append(batch.num_rows)
            has(self, batch, taken)  # type: ignore[arg-type]

        monkeypatch.setattr(ThreadStream, "has", counted)
        backend = engine.opened(streams=1)
        try:
            stream = await opened(backend, engine.long(50_000_000))
            batches = aiter(stream)
            for taken in range(5):
                await asyncio.sleep(0.1)
                assert len(produced) <= taken + 1
                await anext(batches)
            await stream.aclose()
        finally:
            await backend.close()

    async def test_several_at_once_beside_ordinary_statements(self, engine: Engine) -> None:
        backend = engine.opened(streams=3, pool_size=1, workers=1)
        bounds = Bounds(10, 1 << 16)
        one = bound(backend, "SELECT id FROM facts WHERE id = :v", {"v": ["integer", 1]})
        try:
            streams = [await opened(backend, engine.long(20_000)) for _ in range(3)]
            assert len(await backend.fetch(one, [1], Deadline.after(20), bounds)) == 1
            tables = await asyncio.gather(*(self._all(stream) for stream in streams))
            assert [sum(batch.num_rows for batch in batches) for batches in tables] == [20_000] * 3
            waiting = [await opened(backend, engine.long(50_000_000)) for _ in range(3)]
            with pytest.raises(Refusal) as refused:
                await opened(backend, "SELECT 1 AS a", seconds=0.2)
            assert refused.value.code == "CH503"
            for stream in waiting:
                await stream.aclose()
        finally:
            await backend.close()

    async def test_closing_the_source_stops_its_streams(self, engine: Engine) -> None:
        backend = engine.opened()
        stream = await opened(backend, engine.long(50_000_000), 60)
        await anext(aiter(stream))
        await backend.close()
        assert [batch async for batch in stream] == []

    async def _all(self, stream: ArrowStream) -> list[pa.RecordBatch]:
        return [batch async for batch in stream]


def quoted(backend: Backend, name: str) -> str:
    return f"`{name}`" if backend.dialect.sqlglot_name == "mysql" else f'"{name}"'

"""Rows of a DuckDB file and of a PostgreSQL server in one statement."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import pytest_asyncio

from resolvers.backends.backend import Backend, Deadline
from resolvers.backends.caps import Caps
from resolvers.backends.dialect import Statement
from resolvers.backends.mix import Part, mixed
from resolvers.backends.stream import ArrowStream
from schema.errors import Refusal
from tests.backends.engines import Engine, duckdb_engine, postgres_engine
from tests.backends.streaming import opened
from tests.postgres import Server, postgres

__all__ = ["postgres"]

WIDE = Caps(1_000_000, 1 << 28, "256MB")
JOIN = """
SELECT f.id, f.s, n.pad IS NOT NULL AS there, f.d * 2 AS twice, f.moment
FROM "shop.facts" AS f LEFT JOIN "~numbers" AS n ON n.i = f.n WHERE f.id < $1 ORDER BY f.id"""


@pytest_asyncio.fixture
async def sources(tmp_path: Path, postgres: Server) -> AsyncIterator[tuple[Backend, Backend, Engine]]:
    engine = postgres_engine(postgres)
    files, server = duckdb_engine(tmp_path).opened(streams=1), engine.opened(streams=1)
    yield files, server, engine
    # A stream that nobody closed would hold its only place.
    for backend in (files, server):
        await (await opened(backend, "SELECT 1 AS a", 10)).aclose()
        await backend.close()


async def answer(
    parts: dict[str, Part], text: str, values: tuple[object, ...] = (), caps: Caps = WIDE, seconds: float = 20
) -> pa.Table:
    stream = await mixed(parts, Statement(text, ()), values, Deadline.after(seconds), caps)
    try:
        return pa.Table.from_batches([batch async for batch in stream], stream.schema)
    finally:
        await stream.aclose()


def opening(backend: Backend, text: str) -> Callable[[], object]:
    return lambda: opened(backend, text)


async def test_a_join_of_two_sources(sources: tuple[Backend, Backend, Engine]) -> None:
    files, server, _ = sources
    parts: dict[str, Part] = {
        "shop.facts": await opened(server, "SELECT * FROM facts"),
        "~numbers": await opened(files, "SELECT i, pad FROM numbers WHERE i > 0"),
    }
    table = await answer(parts, JOIN, (5,))
    assert [str(type_) for type_ in table.schema.types] == [
        "int32",
        "string",
        "bool",
        "decimal128(18, 2)",
        "timestamp[us, tz=UTC]",
    ]
    assert table.drop_columns(["moment"]).to_pydict() == {
        "id": [1, 2, 3, 4],
        "s": ["b", "B", "a", "é"],
        "there": [False, True, False, True],
        "twice": [pa.scalar(v, pa.string()).cast(pa.decimal128(18, 2)).as_py() for v in ("20", "0.2", "4.5", "0")],
    }


async def test_parts_that_are_opened_when_their_turn_comes(sources: tuple[Backend, Backend, Engine]) -> None:
    """Three parts of a source that gives one stream at a time: none waits for another that it holds up."""
    files, _, _ = sources
    names = ("a", "b", "c")
    parts = {name: opening(files, f"SELECT i AS {name} FROM numbers WHERE i < 2000") for name in names}
    text = "SELECT count(*) AS c FROM a JOIN b ON a.a = b.b JOIN c ON c.c = b.b"
    assert (await answer(parts, text))["c"].to_pylist() == [2000]  # type: ignore[arg-type]


async def test_a_part_without_rows(sources: tuple[Backend, Backend, Engine]) -> None:
    _, server, _ = sources
    parts: dict[str, Part] = {"e": await opened(server, "SELECT id, s FROM facts WHERE id = 99")}
    table = await answer(parts, "SELECT s, id FROM e")
    assert (table.num_rows, table.schema.names) == (0, ["s", "id"])


@pytest.mark.parametrize(
    ("caps", "text", "said"),
    [
        (Caps(29_999, 1 << 28, "256MB"), "SELECT count(*) FROM a, b", "more than 29999 rows "),
        (Caps(1_000_000, 2_000_000, "256MB"), "SELECT count(*) FROM a, b", "more than 2000000 bytes "),
        (Caps(1_000_000, 1 << 28, "2MB"), "SELECT count(*) FROM a, b", "more than 2MB of memory "),
        (
            Caps(1_000_000, 1 << 28, "24MB"),
            "SELECT a.pad || b.i AS x FROM a, b WHERE b.i < 100 ORDER BY x",
            "more than 24MB of memory ",
        ),
    ],
    ids=["rows", "bytes", "memory of the parts", "memory of the join"],
)
async def test_caps(sources: tuple[Backend, Backend, Engine], caps: Caps, text: str, said: str) -> None:
    files, server, engine = sources
    parts: dict[str, Part] = {
        "a": await opened(server, engine.long(15_000)),
        "b": await opened(files, "SELECT range AS i, repeat('y', 100) AS pad FROM range(15000)"),
    }
    with pytest.raises(Refusal) as refused:
        await answer(parts, text, caps=caps)
    assert (refused.value.code, refused.value.status) == ("CH606", 422)
    assert said in refused.value.message
    assert refused.value.hint


async def test_a_part_that_breaks(sources: tuple[Backend, Backend, Engine], caplog: pytest.LogCaptureFixture) -> None:
    files, server, engine = sources
    parts: dict[str, Part] = {
        "a": await opened(files, "SELECT range AS i FROM range(50000000)"),
        "b": await opened(server, engine.breaks),
    }
    with caplog.at_level(logging.DEBUG), pytest.raises(Refusal) as refused:
        await answer(parts, "SELECT 1 AS a", caps=Caps(100_000_000, 1 << 40, "1GB"))
    assert refused.value.code == "CH502"
    assert "CANARY-7f3a" not in caplog.text + refused.value.message


@pytest.mark.parametrize(
    "broken",
    [
        "SELECT CAST(s || 'CANARY-7f3a' AS INTEGER) AS v FROM t",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/*')",
        "SET threads = 4",
        "SELECT 1 AS a; SELECT 2 AS a",
        "SELECT * FROM parts",
    ],
)
async def test_what_the_engine_refuses(
    sources: tuple[Backend, Backend, Engine], broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is locked as the file's engine is: the second layer, below the gate."""
    files, _, _ = sources
    with pytest.raises(Refusal) as refused:
        await answer({"t": await opened(files, "SELECT s FROM facts")}, broken)
    assert refused.value.code == "CH502"
    assert "CANARY-7f3a" not in caplog.text


SLOW = "SELECT SUM(a.i * b.i % 7) AS v FROM t AS a, t AS b, t AS c"


@pytest.mark.parametrize("where", ["a part", "the join"])
async def test_a_deadline(sources: tuple[Backend, Backend, Engine], where: str) -> None:
    files, server, engine = sources
    part = opening(server, engine.slow) if where == "a part" else opening(files, "SELECT i FROM numbers")
    with pytest.raises(Refusal) as refused:
        # The part alone would have twenty seconds.
        async with asyncio.timeout(10):
            await answer({"t": part}, SLOW, seconds=1)  # type: ignore[dict-item]
    assert refused.value.code == "CH503"
    await _gone()


@pytest.mark.parametrize("where", ["a part", "the join", "the rows"])
async def test_cancelled(sources: tuple[Backend, Backend, Engine], where: str) -> None:
    """Nothing is left: no thread, no database, and no place held at a source (the fixture asks each once more)."""
    files, server, engine = sources
    text = {"the join": SLOW, "the rows": "SELECT a.i FROM t AS a, t AS b"}.get(where, "SELECT 1 AS a")
    part = opening(server, engine.slow) if where == "a part" else opening(files, "SELECT i FROM numbers")
    stream: list[ArrowStream] = []

    async def asking() -> None:
        stream.append(await mixed({"t": part}, Statement(text, ()), (), Deadline.after(60), WIDE))  # type: ignore[dict-item]
        async for _ in stream[0]:
            await asyncio.sleep(0.01)

    task = asyncio.create_task(asking())
    await asyncio.sleep(0.5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    for one in stream:
        await one.aclose()
    await _gone()


async def _gone() -> None:
    """Every thread of a mix has ended, and its database was closed before that."""
    for _ in range(500):
        if not any("source-mix" in thread.name for thread in threading.enumerate()):
            break
        await asyncio.sleep(0.02)
    else:
        raise AssertionError("a thread of a mix is still there")
    gc.collect()
    open_ = [one for one in gc.get_objects() if isinstance(one, duckdb.DuckDBPyConnection) and _in_memory(one)]
    assert open_ == []


def _in_memory(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        ((path,),) = connection.execute(
            "SELECT count(*) FROM duckdb_databases() WHERE database_name = 'memory'"
        ).fetchall()
    except duckdb.Error:
        return False
    return bool(path)

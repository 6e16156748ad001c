"""Streams of sources that are down, come back, or broke unseen; and the columns of a driver that knows no Arrow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from resolvers.backends.arrow_rows import Table
from resolvers.backends.registry import open_backend
from schema.errors import Refusal
from tests.backends.engines import source
from tests.backends.streaming import opened, read
from tests.postgres import Server, postgres

__all__ = ["postgres"]


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("duckdb", "absent.duckdb"),
        ("postgres", "postgresql://nobody:CANARY-7f3a@127.0.0.1:1/absent"),
        ("sqlalchemy", "sqlite:///absent.sqlite?mode=ro"),
    ],
)
async def test_a_source_that_is_down(kind: str, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    backend = open_backend(source(kind), url, tmp_path)
    try:
        for _ in range(2):
            with pytest.raises(Refusal) as refused:
                await opened(backend, "SELECT 1 AS a")
            assert (refused.value.code, refused.value.status) == ("CH501", 503)
        assert "CANARY-7f3a" not in caplog.text
    finally:
        await backend.close()


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server of its own, because it is stopped while others need theirs."""
    server = Server()
    server.start()
    yield server
    server.remove()


async def test_a_server_that_goes_while_its_rows_come(own_server: Server) -> None:
    backend = open_backend(source("postgres"), own_server.dsn(), Path("."))
    try:
        stream = await opened(backend, "SELECT generate_series(0, 50000000) AS i")
        await anext(aiter(stream))
        await asyncio.to_thread(own_server.stop)
        with pytest.raises(Refusal) as refused:
            async for _ in stream:
                pass
        assert refused.value.code == "CH501"
        await asyncio.to_thread(own_server.start)
        assert (await read(backend, "SELECT 1 AS a"))["a"].to_pylist() == [1]
    finally:
        await backend.close()


async def test_a_session_that_broke_is_replaced_unseen(postgres: Server) -> None:
    backend = open_backend(source("postgres"), postgres.database(), Path("."))
    try:
        await asyncio.gather(*(read(backend, "SELECT 1 AS a") for _ in range(3)))
        postgres.run(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'customhouse-stream'",
        )
        assert (await read(backend, "SELECT 1 AS a"))["a"].to_pylist() == [1]
    finally:
        await backend.close()


@pytest.mark.parametrize(
    ("setting", "want"),
    [
        ("TimeZone", "UTC"),
        ("default_transaction_read_only", "on"),
        ("transaction_read_only", "on"),
        ("DateStyle", "ISO, YMD"),
        ("IntervalStyle", "iso_8601"),
        ("statement_timeout", "7s"),
    ],
)
async def test_sessions_of_streams_are_set_as_the_others(postgres: Server, setting: str, want: str) -> None:
    backend = open_backend(source("postgres", statement_timeout=7), postgres.database(), Path("."))
    try:
        assert (await read(backend, f"SELECT current_setting('{setting}') AS v"))["v"].to_pylist() == [want]
    finally:
        await backend.close()


async def test_the_servers_own_timeout(postgres: Server) -> None:
    backend = open_backend(source("postgres", statement_timeout=0.2), postgres.database(), Path("."))
    try:
        with pytest.raises(Refusal) as refused:
            await read(backend, "SELECT pg_sleep(60)::text AS v")
        assert refused.value.code == "CH503"
    finally:
        await backend.close()


MOMENT = datetime(2013, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("first", "later", "type_", "want"),
    [
        ([1, None], [2], "int64", [2]),
        ([1, 2.5], [3], "double", [3.0]),
        ([True], [None], "bool", [None]),
        ([None, None], [7, "x", b"y", Decimal("1.50"), [1]], "string", ["7", "x", "y", "1.50", "[1]"]),
        ([1, "x"], [2], "string", ["2"]),
        ([2**70], [1], "string", ["1"]),
        ([Decimal("1.50")], [Decimal("1E+2")], "string", ["100"]),
        ([MOMENT], [None], "timestamp[us]", [None]),
        ([MOMENT.replace(tzinfo=UTC)], [MOMENT], "timestamp[us, tz=UTC]", [MOMENT.replace(tzinfo=UTC)]),
        ([time(1)], [timedelta(hours=2)], "time64[us]", [time(2)]),
        ([b"x"], [b"y"], "binary", [b"y"]),
        ([1], ["x"], "int64", None),
        ([1.5], ["x"], "double", None),
        ([1], [2**70], "int64", None),
        ([timedelta(1)], [timedelta(days=2)], "time64[us]", None),
        ([None], [b"\xff"], "string", None),
    ],
)
def test_columns_are_fixed_with_the_first_rows(
    first: list[object], later: list[object], type_: str, want: list[object] | None
) -> None:
    table = Table(["v"], [None], [[value] for value in first])
    assert str(table.schema.field("v").type) == type_
    rows = [[value] for value in later]
    if want is None:
        with pytest.raises((ValueError, TypeError, OverflowError)):
            table.batch(rows)
    else:
        assert table.batch(rows).column(0).to_pylist() == want

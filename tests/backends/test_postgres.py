"""PostgreSQL in the suite: in a database of the C collation, and in one of another.

The other one sorts by language where the machine has such a locale. Else it is the server's own Unicode one, which
sorts by code point: then the suite proves that what is said about collations is valid and keeps indexes, not that it is
needed.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlglot import exp

from resolvers.backends.backend import Backend, Deadline
from resolvers.backends.dialect import Statement
from resolvers.backends.postgres_dialect import PostgresDialect, spelt_for
from resolvers.backends.registry import open_backend
from schema.errors import Refusal
from schema.query import Slot
from schema.types import STRING
from tests.backends.conformance import WIDE, Conformance, ask, fetch
from tests.backends.engines import Engine, postgres_engine, source
from tests.postgres import Server, postgres

__all__ = ["postgres"]


def _other() -> str:
    """The options of a database whose collation is not C."""
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.split()
    language = next((name for name in listed if name.lower().endswith((".utf8", ".utf-8")) and name[:2] != "C."), None)
    return f"LOCALE '{language}'" if language else "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"


_OTHER = _other()


@pytest.fixture(scope="module", params=["", _OTHER], ids=["c", "other"])
def engine(postgres: Server, request: pytest.FixtureRequest) -> Engine:
    return postgres_engine(postgres, request.param)


class TestPostgres(Conformance):
    async def begun(self, engine: Engine) -> None:
        while not await self.running(engine):
            await asyncio.sleep(0.02)

    async def running(self, engine: Engine) -> int:
        # A stream's statement is the cursor that it fetches from.
        return await _activity(engine, "state = 'active' AND (query LIKE '%pg_sleep(120)%' OR query LIKE 'FETCH %')")

    async def connections(self, engine: Engine) -> int:
        # The module's own back end holds one more.
        return await _activity(engine, "application_name = 'customhouse'") - 1


async def _activity(engine: Engine, where: str) -> int:
    """How many of the gateway's sessions the server itself reports."""
    found = f"SELECT count(*)::int FROM pg_stat_activity WHERE application_name LIKE 'customhouse%' AND {where}"
    backend = engine.opened(pool_size=1)
    try:
        own = "AND pid <> pg_backend_pid() AND datname = current_database()"
        ((count,),) = await fetch(backend, Statement(f"{found} {own}", ()))
    finally:
        await backend.close()
    return int(str(count))


async def test_strings_sort_by_code_point_without_losing_indexes(postgres: Server) -> None:
    """In a database that is not of the C collation, equality with a bind still uses its index."""
    dsn = postgres.database(
        "CREATE TABLE words (w text)",
        "INSERT INTO words SELECT 'w' || i FROM generate_series(1, 20000) AS i",
        "CREATE INDEX ON words (w)",
        "ANALYZE words",
        options=_OTHER,
    )
    dialect = PostgresDialect()
    stored = exp.alias_(dialect.column(exp.column("w", table="s", quoted=True), STRING), "w", quoted=True)
    relation = exp.select(stored).from_(exp.table_("words", alias="s", quoted=True)).subquery("t")
    column = exp.column("w", table="t", quoted=True)
    slots = {"v": Slot("v", STRING, "constant"), "l": Slot("l", STRING, "constant", many=True)}
    wheres = [
        exp.EQ(this=column.copy(), expression=exp.Placeholder(this="v")),
        exp.Anonymous(this="CH_IN", expressions=[column.copy(), exp.Placeholder(this="l")]),
    ]
    connection = await asyncpg.connect(dsn)
    try:
        for where, value in zip(wheres, ("w77", ["w77"]), strict=True):
            statement = dialect.render(exp.select(column.copy()).from_(relation.copy()).where(where), slots)
            plan = await connection.fetch(f"EXPLAIN {statement.text}", value)
            assert any("Index" in row[0] for row in plan), statement.text
            assert [row[0] for row in await connection.fetch(statement.text, value)] == ["w77"]
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("binary", "folding", "want"),
    [
        (False, True, 'SELECT (a COLLATE "C"), LOWER((b COLLATE "pg_c_utf8")) WHERE c = ($1 COLLATE "default")'),
        (True, True, 'SELECT (a), LOWER((b COLLATE "pg_c_utf8")) WHERE c = ($1)'),
        (False, False, 'SELECT (a COLLATE "C"), LOWER((b COLLATE "default")) WHERE c = ($1 COLLATE "default")'),
        (True, False, 'SELECT (a), LOWER((b COLLATE "default")) WHERE c = ($1)'),
    ],
)
def test_what_a_database_does_not_need_is_taken_out(binary: bool, folding: bool, want: str) -> None:
    written = 'SELECT (a COLLATE "C"), LOWER((b COLLATE "pg_c_utf8")) WHERE c = ($1 COLLATE "default")'
    assert spelt_for(written, binary, folding) == want


async def test_sessions_are_read_only_and_in_utc(postgres: Server) -> None:
    backend = open_backend(source("postgres"), postgres.database("CREATE TABLE t (a int)"), Path("."))
    try:
        for name, value in (("TimeZone", "UTC"), ("default_transaction_read_only", "on"), ("DateStyle", "ISO, YMD")):
            assert await fetch(backend, Statement(f"SELECT current_setting('{name}')", ())) == [(value,)]
        with pytest.raises(Refusal) as refused:
            await fetch(backend, Statement("INSERT INTO t VALUES (1)", ()))
        assert refused.value.code == "CH502"
    finally:
        await backend.close()


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server of its own, because it is stopped while others need theirs."""
    server = Server()
    yield server
    server.remove()


async def test_down_at_start_and_coming_back(own_server: Server) -> None:
    """Down: CH501 at once, again and again. Up: answers. Restarted: answers, over fresh connections."""
    backend = open_backend(source("postgres", pool_size=2), own_server.dsn(), Path("."))
    try:
        for _ in range(3):
            with pytest.raises(Refusal) as refused:
                await ask(backend, "1", "integer")
            assert (refused.value.code, refused.value.status) == ("CH501", 503)
        with pytest.raises(Refusal):
            await backend.check()
        await asyncio.to_thread(own_server.start)
        await backend.check()
        assert await asyncio.gather(*(ask(backend, "1", "integer") for _ in range(5))) == [1] * 5
        await asyncio.to_thread(own_server.stop)
        with pytest.raises(Refusal) as refused:
            await ask(backend, "1", "integer")
        assert refused.value.code == "CH501"
        await asyncio.to_thread(own_server.start)
        assert await _eventually(backend) == 1
    finally:
        await backend.close()


async def test_a_connection_that_broke_is_replaced_unseen(postgres: Server) -> None:
    backend = open_backend(source("postgres", pool_size=3), postgres.database(), Path("."))
    try:
        await asyncio.gather(*(ask(backend, "1", "integer") for _ in range(6)))
        postgres.run(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'customhouse'",
        )
        assert await asyncio.gather(*(ask(backend, "1", "integer") for _ in range(6))) == [1] * 6
    finally:
        await backend.close()


async def test_the_servers_own_timeout_is_a_timeout(postgres: Server) -> None:
    backend = open_backend(source("postgres", statement_timeout=0.2), postgres.database(), Path("."))
    try:
        with pytest.raises(Refusal) as refused:
            await backend.fetch(Statement("SELECT pg_sleep(60)::text", ()), (), Deadline.after(60), WIDE)
        assert refused.value.code == "CH503"
    finally:
        await backend.close()


@pytest.mark.parametrize("ends", ["deadline", "caller"])
async def test_a_cancel_request_that_the_server_passed_over_is_sent_again(
    postgres: Server, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """It does so between two messages of one statement, which would then run to its end, and hold its connection."""
    sent, cancel = [0], asyncpg.Connection._cancel

    async def lossy(self: asyncpg.Connection, waiter: asyncio.Future[None], *more: object) -> None:
        sent[0] += 1
        if sent[0] == 1:
            waiter.set_result(None)
        else:
            await cancel(self, waiter, *more)

    monkeypatch.setattr(asyncpg.Connection, "_cancel", lossy)
    backend = open_backend(source("postgres", pool_size=1), postgres.database(), Path("."))
    slow = Statement("SELECT pg_sleep(60)::text", ())
    try:
        task = asyncio.create_task(backend.fetch(slow, (), Deadline.after(0.4 if ends == "deadline" else 60), WIDE))
        if ends == "caller":
            await asyncio.sleep(0.4)
            task.cancel()
        await asyncio.wait({task})
        assert task.cancelled() or task.exception().code == "CH503"
        assert await ask(backend, "1", "integer") == 1
        running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
        assert postgres.run("postgres", f"{running} AND state = 'active'") == "0"
        assert sent[0] >= 2
    finally:
        await backend.close()


async def _eventually(backend: Backend) -> object:
    for _ in range(100):
        try:
            return await ask(backend, "1", "integer")
        except Refusal:
            await asyncio.sleep(0.1)
    raise AssertionError("it did not come back")

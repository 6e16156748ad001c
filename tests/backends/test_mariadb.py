"""MariaDB through the generic back end, where the machine has a server (Debian: mariadb-server)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

import pytest

from resolvers.backends.backend import Backend
from resolvers.backends.dialect import Statement
from schema.errors import Refusal
from tests.backends.conformance import Conformance, ask, fetch
from tests.backends.engines import FACTS, Engine, MariaDB, mariadb_engine

pytestmark = pytest.mark.slow_parts


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDB]:
    if not MariaDB.found():
        pytest.skip("mariadbd (Debian: mariadb-server)")
    server = MariaDB()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def engine(mariadb: MariaDB) -> Engine:
    return mariadb_engine(mariadb)


class TestMariaDB(Conformance):
    described: Mapping[str, str] = FACTS

    async def begun(self, engine: Engine) -> None:
        while not await self.running(engine):
            await asyncio.sleep(0.02)

    async def running(self, engine: Engine) -> int:
        return await _processes(engine, "info LIKE '%SLEEP(120)%'")

    async def connections(self, engine: Engine) -> int:
        # The module's own back end holds others.
        return 0

    async def test_read_only(self, backend: Backend) -> None:
        with pytest.raises(Refusal) as refused:
            await fetch(backend, Statement("INSERT INTO facts (id) VALUES (99)", ()))
        assert refused.value.code == "CH502"

    async def test_broken_connections_are_replaced_unseen(self, engine: Engine, mariadb: MariaDB) -> None:
        backend = engine.opened(pool_size=2)
        try:
            assert await asyncio.gather(*(ask(backend, "1", "integer") for _ in range(4))) == [1] * 4
            side = mariadb.connect().cursor()  # type: ignore[attr-defined]
            side.execute("SELECT id FROM information_schema.processlist WHERE db = 'facts'")
            for (session,) in side.fetchall():
                side.execute(f"KILL {session}")
            assert await asyncio.gather(*(ask(backend, "1", "integer") for _ in range(4))) == [1] * 4
        finally:
            await backend.close()


async def _processes(engine: Engine, where: str) -> int:
    backend = engine.opened(pool_size=1)
    try:
        own = "SELECT CAST(COUNT(*) AS SIGNED) FROM information_schema.processlist WHERE id <> CONNECTION_ID()"
        ((count,),) = await fetch(backend, Statement(f"{own} AND {where}", ()))
    finally:
        await backend.close()
    return int(str(count))

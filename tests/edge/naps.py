"""A gateway over a real PostgreSQL with a product whose rows take a minute each, and what sees its statements there."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg

from tests.app.process import Process
from tests.postgres import Server

QUERY = json.dumps({"query": "{ naps { nodes { id nap } } }"}).encode()
VIEW = "CREATE VIEW naps AS SELECT 1 AS id, pg_sleep(60)::text AS nap"
_RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() " + (
    "AND state = 'active'"
)
PROJECT = """\
version: 1
sources: {{db: {{kind: postgres, url: "{dsn}"}}}}
claims: {{roles: {{type: list<string>}}}}
issuers: {{dev: {{issuer: "https://dev.example", audiences: [naps], development: true, max_lifetime: 2h}}}}
zones: {{internal: {{issuers: [dev], limits: {{timeout: 50s}}}}}}
"""
CATALOG = """\
domains: {d: {description: Naps, steward: N <n@x.example>}}
products:
  d.naps:
    description: One nap
    source: db
    table: naps
    key: [id]
    columns: {id: {type: integer, description: Number}, nap: {type: string, description: A minute}}
"""
POLICIES = "grants: [{name: all, on: {products: [d.naps]}, when: \"'napper' IN claims.roles\"}]\n"
PERSONAS = "napper: {description: Sleeps, subject: n, claims: {roles: [napper]}}\n"


def write_naps(folder: Path, postgres: Server) -> Path:
    """The project, over a database of its own."""
    for name, text in {
        "customhouse.yaml": PROJECT.format(dsn=postgres.database(VIEW)),
        "catalog/d.yaml": CATALOG,
        "policies/d.yaml": POLICIES,
        "personas.yaml": PERSONAS,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@contextlib.contextmanager
def serving(project: Path, **environ: str) -> Iterator[Process]:
    command = ["-m", "app.cli", "serve", "--project", str(project), "--zone", "internal", "--dev-keys"]
    process = Process(command, environ)
    try:
        yield process
    finally:
        process.stop()


class Watcher:
    """Sees what runs in the database."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextlib.asynccontextmanager
    async def over(cls, project: Path) -> AsyncIterator[Watcher]:
        dsn = (project / "customhouse.yaml").read_text().partition('url: "')[2].partition('"')[0]
        connection = await asyncpg.connect(dsn)
        try:
            yield cls(connection)
        finally:
            await connection.close()

    async def running(self) -> int:
        return int(await self._connection.fetchval(_RUNNING))

    async def until(self, count: int) -> float:
        """Wait until so many statements run; gives how long that took."""
        began = time.perf_counter()
        async with asyncio.timeout(30):
            while await self.running() != count:
                await asyncio.sleep(0.001)
        return time.perf_counter() - began


def head(token: str, *more: str, query: bytes = QUERY) -> bytes:
    lines = [
        "POST /graphql HTTP/1.1",
        "Host: x",
        f"Authorization: {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(query)}",
        *more,
    ]
    return "\r\n".join([*lines, "", ""]).encode()

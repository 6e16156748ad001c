"""The example's flights in an embedded PostgreSQL, indexed by key: there a look-up costs what a look-up costs."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import asyncpg
import duckdb

from tests.postgres import server

TYPES = {"VARCHAR": "text", "TIMESTAMP WITH TIME ZONE": "timestamptz"}


def flights_in_postgres(warehouse: Path) -> str:
    """Load the flights table of the example's DuckDB file; the DSN of the database."""
    dsn = server().database()
    asyncio.run(_load(warehouse, dsn))
    return dsn


async def _load(warehouse: Path, dsn: str) -> None:
    source = duckdb.connect(str(warehouse), read_only=True)
    described = source.execute("SELECT column_name, column_type FROM (DESCRIBE flights)").fetchall()
    columns = ", ".join(f"{name} {TYPES.get(type_, type_)}" for name, type_ in described)
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"CREATE TABLE flights ({columns}, PRIMARY KEY (id))")
    with tempfile.TemporaryDirectory() as folder:
        csv = Path(folder) / "flights.csv"
        source.execute(f"COPY flights TO '{csv}' (HEADER)")
        await connection.copy_to_table("flights", source=csv, format="csv", header=True)
    await connection.execute("ANALYZE flights")
    await connection.close()
    source.close()

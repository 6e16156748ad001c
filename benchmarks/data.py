"""TPC-H at scale 0.1, once: 15,000 customers, 150,000 orders, 600,000 lines; in PostgreSQL and in a DuckDB file."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import duckdb

from benchmarks import cluster
from benchmarks.place import DEFAULT_DSN, PROJECT, Missing, dsn, run_folder, warehouse
from benchmarks.procfs import pid_on_port

SCALE = "0.1"
TABLES = ("region", "nation", "customer", "orders", "lineitem")
ROWS = {"customer": 15_000, "orders": 150_000}


def ready() -> bool:
    """Have the tables in PostgreSQL, starting the benchmark's own where nothing listens. Whether it was started."""
    started = False
    if pid_on_port(cluster.port()) is None and not asyncio.run(_answers()):
        if dsn() != DEFAULT_DSN:
            raise Missing("Nothing answers at BENCH_DSN. Start it, or unset BENCH_DSN for a PostgreSQL of our own.")
        cluster.start()
        started = True
    if not asyncio.run(_loaded()):
        asyncio.run(_load_postgres(_csv()))
    return started


def ready_duckdb() -> Path:
    """Have the tables in the DuckDB file."""
    if not warehouse().exists():
        _load_duckdb(warehouse(), _csv())
    return warehouse()


def _csv() -> Path:
    """The generator's files."""
    folder = run_folder() / "csv"
    if not folder.exists():
        draft = folder.with_name("csv.draft")
        shutil.rmtree(draft, ignore_errors=True)
        program = Path(sys.executable).with_name("tpchgen-cli")
        if not program.exists():
            raise Missing("tpchgen-cli is not installed: make bench installs it.")
        tables = ",".join(TABLES)
        subprocess.run(
            [program, "csv", "-s", SCALE, "--tables", tables, "--output-dir", draft], check=True, stdout=sys.stderr
        )
        draft.rename(folder)
    return folder


async def _answers() -> bool:
    try:
        await (await asyncpg.connect(dsn(), timeout=5)).close()
    except (OSError, TimeoutError):
        return False
    except asyncpg.PostgresError:
        return True  # the server is there, the database not yet
    return True


async def _loaded() -> bool:
    """Whether the tables are there with all rows. Another database of this name is not touched."""
    try:
        connection = await asyncpg.connect(dsn())
    except asyncpg.InvalidCatalogNameError:
        return False
    try:
        counts = {table: await connection.fetchval(f"select count(*) from {table}") for table in ROWS}
        await connection.fetchval("select count(*) from pg_views where viewname = 'customer_secure'")
    except asyncpg.UndefinedTableError:
        return False
    finally:
        await connection.close()
    if counts != ROWS:
        raise Missing(f"The database at BENCH_DSN holds other tables: {counts} rows. Name another database.")
    return True


async def _load_postgres(folder: Path) -> None:
    name = urlsplit(dsn()).path.lstrip("/")
    admin = await asyncpg.connect(dsn(), database="postgres")
    if not await admin.fetchval("select 1 from pg_database where datname = $1", name):
        await admin.execute(f'create database "{name}" template template0')
    await admin.close()
    connection = await asyncpg.connect(dsn())
    async with connection.transaction():
        await connection.execute((PROJECT / "tables.sql").read_text())
        for table in TABLES:
            await connection.copy_to_table(table, source=str(folder / f"{table}.csv"), format="csv", header=True)
        await connection.execute((PROJECT / "indexes.sql").read_text())
    await connection.execute("vacuum analyze")
    await connection.close()


def _load_duckdb(path: Path, folder: Path) -> None:
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    connection = duckdb.connect(str(draft))
    connection.execute((PROJECT / "tables.sql").read_text())
    for table in TABLES:
        connection.execute(f"insert into {table} select * from read_csv('{folder / table}.csv', header=true)")
    connection.execute("create index customer_nation on customer (c_nationkey)")
    connection.close()
    draft.rename(path)

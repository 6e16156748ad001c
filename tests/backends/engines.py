"""The engines under test: each opens its back end on a database that holds the same small tables."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from resolvers.backends.backend import Backend
from resolvers.backends.registry import open_backend
from schema.catalog import Source
from schema.errors import Place
from tests.postgres import Server

FACTS = {
    "id": "integer",
    "n": "integer",
    "big": "bigint",
    "d": "decimal(12,2)",
    "f": "float",
    "s": "string",
    "ok": "boolean",
    "day": "date",
    "moment": "timestamp",
}
_ROWS = """
INSERT INTO facts VALUES
(1, 0, 9223372036854775807, 10.00, 1.0, 'b', {true}, '2013-01-02', '2013-01-01 05:00:00{utc}'),
(2, 1, 9223372036854775807, 0.10, 0.25, 'B', {false}, '2013-01-31', '2013-01-31 23:59:59{utc}'),
(3, 2147483647, NULL, 2.25, 1.0, 'a', {true}, '2013-06-01', '2013-06-01 00:00:00.5{utc}'),
(4, 2, NULL, 0.00, 2.5, 'é', NULL, '2013-12-31', NULL),
(5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"""
_TREE = (
    "CREATE TABLE parents (id {integer} NOT NULL PRIMARY KEY, name {text} NOT NULL)",
    "CREATE TABLE children (id {integer} NOT NULL PRIMARY KEY, parent {integer} REFERENCES parents (id), word {text})",
    "INSERT INTO parents VALUES (1, 'one'), (2, 'two'), (3, 'none')",
    "INSERT INTO children VALUES (10, 1, 'b'), (11, 1, 'a'), (12, 1, NULL), (13, 2, 'c')",
    "CREATE TABLE numbers (i {integer} NOT NULL PRIMARY KEY, pad {text})",
)


def _facts(types: str, **words: str) -> list[str]:
    return [f"CREATE TABLE facts ({types})", _ROWS.format(**words)]


def _tree(integer: str, text: str) -> list[str]:
    return [statement.format(integer=integer, text=text) for statement in _TREE]


@dataclass(frozen=True)
class Engine:
    """``slow`` is a statement that runs for minutes; ``broken`` one that fails on a hidden value; ``literal`` names the
    engine's column in the case files. ``running`` counts the slow statements that the engine is still working on.
    ``long`` gives so many rows of ``i`` and a ``pad`` of 100 letters, one by one; ``breaks`` fails on a hidden value
    after thousands of rows."""

    literal: str
    opened: Callable[..., Backend]
    slow: str
    broken: str
    long: Callable[[int], str]
    breaks: str
    raw_table: Callable[[str], str] = lambda name: name


def source(kind: str, **options: object) -> Source:
    return Source("warehouse", kind, "", Place("customhouse.yaml"), options=options)  # type: ignore[arg-type]


def duckdb_engine(folder: Path) -> Engine:
    path = folder / "facts.duckdb"
    types = (
        "id INTEGER PRIMARY KEY, n INTEGER, big BIGINT, d DECIMAL(12,2), f DOUBLE, s VARCHAR, ok BOOLEAN, day DATE, "
        "moment TIMESTAMPTZ"
    )
    with duckdb.connect(str(path)) as database:
        for statement in _facts(types, true="TRUE", false="FALSE", utc="+00") + _tree("INTEGER", "VARCHAR"):
            database.execute(statement)
        database.execute("INSERT INTO numbers SELECT range, repeat('x', 100) FROM range(3000)")
        database.execute("COMMENT ON TABLE parents IS 'who has children'")
        database.execute("COMMENT ON COLUMN parents.name IS 'what they are called'")
    return Engine(
        "duckdb",
        lambda **options: open_backend(source("duckdb", threads=1, **options), path.name, folder),
        slow="SELECT CAST(SUM(a.range * b.range % 7) AS VARCHAR) FROM range(10000000) AS a, range(10000000) AS b",
        broken="SELECT CAST('CANARY-7f3a' || i AS INTEGER) FROM numbers",
        long=lambda rows: f"SELECT range AS i, repeat('x', 100) AS pad FROM range({rows})",
        breaks="SELECT CAST(CASE WHEN range < 100000 THEN '1' ELSE 'CANARY-7f3a' END AS INTEGER) FROM range(200000)",
    )


def postgres_engine(server: Server, options: str = "") -> Engine:
    types = (
        "id integer PRIMARY KEY, n integer, big bigint, d numeric(12,2), f float8, s text, ok boolean, day date, "
        "moment timestamptz"
    )
    dsn = server.database(
        *_facts(types, true="TRUE", false="FALSE", utc="+00"),
        *_tree("integer", "text"),
        "INSERT INTO numbers SELECT i, repeat('x', 100) FROM generate_series(0, 2999) AS i",
        "COMMENT ON TABLE parents IS 'who has children'",
        "COMMENT ON COLUMN parents.name IS 'what they are called'",
        options=options,
    )
    return Engine(
        "postgres",
        lambda **options: open_backend(source("postgres", **options), dsn, Path(".")),
        slow="SELECT pg_sleep(120)::text",
        broken="SELECT CAST('CANARY-7f3a' || i AS integer) FROM numbers",
        long=lambda rows: f"SELECT i, repeat('x', 100) AS pad FROM (SELECT generate_series(0, {rows - 1}) AS i) AS n",
        breaks="SELECT CAST(CASE WHEN i < 100000 THEN '1' ELSE 'CANARY-7f3a' || i END AS integer) "
        "FROM (SELECT generate_series(0, 200000) AS i) AS n",
    )


def sqlite_engine(folder: Path) -> Engine:
    path = folder / "facts.sqlite"
    types = (
        "id INTEGER PRIMARY KEY, n INTEGER, big BIGINT, d DECIMAL(12,2), f DOUBLE, s VARCHAR, "
        "ok BOOLEAN, day DATE, moment TIMESTAMP"
    )
    with sqlite3.connect(path) as database:
        for statement in _facts(types, true="1", false="0", utc="") + _tree("INTEGER", "TEXT"):
            database.execute(statement)
        database.execute("CREATE TABLE loose (w TEXT COLLATE NOCASE)")
        database.execute("INSERT INTO loose VALUES ('a'), ('B'), ('b')")
        numbers = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 2999) SELECT i FROM n"
        database.execute(f"INSERT INTO numbers SELECT i, printf('%.*c', 100, 'x') FROM ({numbers})")
    database.close()
    endless = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) "
    return Engine(
        "sqlite",
        lambda **options: open_backend(source("sqlalchemy", **options), f"sqlite:///{path.name}?mode=ro", folder),
        slow=endless + "SELECT CAST(SUM(i % 7) AS TEXT) FROM n",
        broken="SELECT json_extract('CANARY-7f3a' || i, '$') FROM numbers",
        long=lambda rows: f"{endless}SELECT i, printf('%.*c', 100, 'x') AS pad FROM n LIMIT {rows}",
        breaks=endless
        + "SELECT CASE WHEN i < 100000 THEN 1 ELSE json_extract('CANARY-7f3a' || i, '$') END AS a FROM n",
    )


class MariaDB:
    """A MariaDB server with its own data folder, where the machine has one."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="customhouse-maria-"))
        data = self._home / "data"
        user = "--user=root"
        subprocess.run(
            ["mariadb-install-db", f"--datadir={data}", "--auth-root-authentication-method=normal", user],
            check=True,
            capture_output=True,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._log = (self._home / "log").open("wb")
        self._process = subprocess.Popen(
            [
                "mariadbd",
                "--no-defaults",
                f"--datadir={data}",
                user,
                "--bind-address=127.0.0.1",
                f"--port={self.port}",
                f"--socket={self._home / 'sock'}",
            ],
            stdout=self._log,
            stderr=self._log,
        )

    @staticmethod
    def found() -> bool:
        return all(shutil.which(program) for program in ("mariadbd", "mariadb-install-db"))

    def connect(self, database: str | None = None) -> object:
        import pymysql

        for _ in range(200):
            try:
                return pymysql.connect(
                    host="127.0.0.1", port=self.port, user="root", database=database, charset="utf8mb4", autocommit=True
                )
            except pymysql.err.OperationalError:
                time.sleep(0.1)
        raise RuntimeError("mariadbd did not start")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        self._log.close()
        shutil.rmtree(self._home, ignore_errors=True)


def mariadb_engine(server: MariaDB) -> Engine:
    connection = server.connect()
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("CREATE DATABASE facts CHARACTER SET utf8mb4")
    cursor.execute("USE facts")
    cursor.execute("SET time_zone = '+00:00'")
    types = (
        "id INTEGER PRIMARY KEY, n INTEGER, big BIGINT, d DECIMAL(12,2), f DOUBLE, s VARCHAR(20), ok BOOLEAN, "
        "day DATE, moment TIMESTAMP(6) NULL"
    )
    for statement in _facts(types, true="1", false="0", utc="") + _tree("INTEGER", "VARCHAR(100)"):
        cursor.execute(statement)
    cursor.execute("INSERT INTO numbers SELECT seq, REPEAT('x', 100) FROM seq_0_to_2999")
    cursor.execute("ALTER TABLE parents COMMENT 'who has children'")
    cursor.execute("ALTER TABLE parents MODIFY name VARCHAR(100) NOT NULL COMMENT 'what they are called'")
    connection.close()  # type: ignore[attr-defined]
    url = f"mysql+pymysql://root@127.0.0.1:{server.port}/facts"
    return Engine(
        "mysql",
        lambda **options: open_backend(source("sqlalchemy", **options), url, Path(".")),
        slow="SELECT SLEEP(120)",
        broken="SELECT JSON_VALUE(pad, i, 'CANARY-7f3a') FROM numbers",
        long=lambda rows: f"SELECT seq AS i, REPEAT('x', 100) AS pad FROM seq_0_to_{rows - 1}",
        breaks="SELECT CASE WHEN seq < 100000 THEN 1 ELSE EXTRACTVALUE('<a/>', CONCAT('~CANARY-7f3a', seq)) END AS a "
        "FROM seq_0_to_200000",
    )


def _field(name: str, type_: str, mode: str = "NULLABLE", **more: str) -> dict[str, str]:
    return {"name": name, "type": type_, "mode": mode, **more}


BIGQUERY = {
    "facts": (
        "",
        [
            _field("id", "INTEGER", "REQUIRED"),
            _field("n", "INTEGER"),
            _field("big", "INTEGER"),
            _field("d", "NUMERIC", precision="12", scale="2"),
            _field("f", "FLOAT"),
            _field("s", "STRING"),
            _field("ok", "BOOLEAN"),
            _field("day", "DATE"),
            _field("moment", "TIMESTAMP"),
        ],
    ),
    "parents": (
        "who has children",
        [_field("id", "INTEGER", "REQUIRED"), _field("name", "STRING", "REQUIRED", description="what they are called")],
    ),
    "children": ("", [_field("id", "INTEGER", "REQUIRED"), _field("parent", "INTEGER"), _field("word", "STRING")]),
    "numbers": ("", [_field("i", "INTEGER", "REQUIRED"), _field("pad", "STRING")]),
}
"""Tables as its API has them: what they are, and their columns."""


def bigquery_rows() -> list[str]:
    rows = [statement for statement in _TREE if statement.startswith("INSERT")]
    numbers = "INSERT INTO numbers SELECT i, REPEAT('x', 100) FROM UNNEST(GENERATE_ARRAY(0, 2999)) AS i"
    return [_ROWS.format(true="TRUE", false="FALSE", utc="+00"), *rows, numbers]


def bigquery_engine(address: str) -> Engine:
    """``slow`` is left out: nothing but the service itself can stop a job."""
    url = f"bigquery://acme/facts?location=US&endpoint={address}"

    def opened(pool_size: int = 10, workers: int = 10) -> Backend:
        return open_backend(source("bigquery", workers=workers), url, Path("."))

    return Engine(
        "bigquery",
        opened,
        slow="",
        broken="SELECT CAST(CONCAT('CANARY-7f3a', CAST(i AS STRING)) AS INT64) FROM numbers",
        long=lambda rows: (
            f"SELECT i, REPEAT('x', 100) AS pad FROM UNNEST(GENERATE_ARRAY(0, {rows - 1})) AS i ORDER BY i"
        ),
        breaks="SELECT CAST(CASE WHEN i < 2000 THEN '1' ELSE 'CANARY-7f3a' END AS INT64) FROM numbers ORDER BY i",
    )

"""Real engines that compute a mask over a column of given values, through the dialects' own lowering."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Protocol
from uuid import UUID

import asyncpg
import duckdb
from sqlglot import exp

from policies.rules import Mask
from resolvers.backends import binding, sqlite_functions
from resolvers.backends.dialect import Dialect, Statement
from resolvers.backends.duckdb_dialect import DuckDBDialect
from resolvers.backends.postgres_dialect import PostgresDialect
from resolvers.backends.sqlite_dialect import SQLiteDialect
from schema.query import Slot
from schema.sqltype import data_type
from schema.types import STRING, TEMPORAL, Kind, Type
from tests.masks.cells import KEYS

SLOTS = {
    "secret:hash": Slot("secret:hash", STRING, "secret", path=("hash",)),
    "secret:token": Slot("secret:token", STRING, "secret", path=("token",)),
    "request:zone": Slot("request:zone", STRING, "request", path=("zone",)),
}
_WORDS = {
    Kind.BOOLEAN: "BOOLEAN", Kind.INTEGER: "INTEGER", Kind.BIGINT: "BIGINT", Kind.FLOAT: "DOUBLE PRECISION",
    Kind.STRING: "TEXT", Kind.DATE: "DATE", Kind.TIME: "TIME", Kind.DATETIME: "TIMESTAMP",
    Kind.TIMESTAMP: "TIMESTAMPTZ", Kind.UUID: "UUID", Kind.BYTES: "BYTEA",
}  # fmt: skip


class Engine(Protocol):
    """``holds`` tells whether the engine can store a value exactly at all."""

    name: str

    def holds(self, value: object, type_: Type) -> bool: ...

    def answer(self, mask: Mask, type_: Type, values: Sequence[object]) -> list[object]:
        """The masked values in wire form."""


def _select(dialect: Dialect, mask: Mask, type_: Type) -> Statement:
    raw = dialect.column(exp.column("v", quoted=True), type_)
    masked = exp.cast(mask.sql(raw, type_), data_type(type_))
    item = exp.alias_(dialect.wire(masked, type_), "out", quoted=True)
    return dialect.render(exp.select(item).from_("cells").order_by(exp.column("n", quoted=True)), SLOTS)


def _secret(slot: Slot) -> object:
    return KEYS["zone"].decode() if slot.origin == "request" else KEYS[str(slot.path[0])]


def _table(type_: Type) -> str:
    digits = (type_.precision, type_.scale) if type_.precision else (38, 9)
    word = f"DECIMAL({digits[0]}, {digits[1]})" if type_.kind is Kind.DECIMAL else _WORDS[type_.kind]
    return f"CREATE TEMP TABLE cells (n INTEGER, v {word})"


class DuckDB:
    name = "duckdb"

    def __init__(self) -> None:
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")

    def holds(self, value: object, type_: Type) -> bool:
        return True

    def answer(self, mask: Mask, type_: Type, values: Sequence[object]) -> list[object]:
        statement = _select(DuckDBDialect(), mask, type_)
        self._connection.execute("DROP TABLE IF EXISTS cells")
        self._connection.execute(_table(type_))
        rows = ", ".join(f"({at}, ${at + 1})" for at in range(len(values)))
        self._connection.execute(f"INSERT INTO cells VALUES {rows}", list(values))
        found = self._connection.execute(statement.text, binding.values(statement, _secret)).fetchall()
        return [_read(value, type_) for (value,) in found]


class Postgres:
    name = "postgres"

    def __init__(self, uri: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._connection = self._loop.run_until_complete(
            asyncpg.connect(uri, server_settings={"timezone": "UTC"}, statement_cache_size=0)
        )

    def close(self) -> None:
        self._loop.run_until_complete(self._connection.close())
        self._loop.close()

    def holds(self, value: object, type_: Type) -> bool:
        return True

    def answer(self, mask: Mask, type_: Type, values: Sequence[object]) -> list[object]:
        return self._loop.run_until_complete(self._answer(_select(PostgresDialect(), mask, type_), type_, values))

    async def _answer(self, statement: Statement, type_: Type, values: Sequence[object]) -> list[object]:
        await self._connection.execute("DROP TABLE IF EXISTS cells")
        await self._connection.execute(_table(type_))
        # As text, because the driver sends the last day it knows as infinity.
        moments = type_.kind in TEMPORAL
        place = f"$2::text::{_WORDS[type_.kind]}" if moments else "$2"
        rows = [(at, _stored(value) if moments else value) for at, value in enumerate(values)]
        await self._connection.executemany(f"INSERT INTO cells VALUES ($1, {place})", rows)
        found = await self._connection.fetch(statement.text, *binding.values(statement, _secret))
        return [_read(row[0], type_) for row in found]


class SQLite:
    name = "sqlite"

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:")
        sqlite_functions.register(self._connection)

    def holds(self, value: object, type_: Type) -> bool:
        """SQLite keeps NaN as NULL and computes decimals in 64 bits."""
        if isinstance(value, float):
            return value == value
        return not isinstance(value, Decimal) or len(value.as_tuple().digits) <= 15

    def answer(self, mask: Mask, type_: Type, values: Sequence[object]) -> list[object]:
        statement = _select(SQLiteDialect(), mask, type_)
        self._connection.execute("DROP TABLE IF EXISTS cells")
        self._connection.execute(_table(type_))
        self._connection.executemany("INSERT INTO cells VALUES (?, ?)", enumerate(map(_stored, values)))
        spelt = binding.expand(statement, binding.values(statement, _secret), sqlite3.paramstyle)
        found = [value for (value,) in self._connection.execute(spelt.text, spelt.named or spelt.positional)]
        return [self._decimal(value, type_) if type_.kind is Kind.DECIMAL else _read(value, type_) for value in found]

    def _decimal(self, value: object, type_: Type) -> object:
        """SQLite has no decimals, so their digits are compared, not their text."""
        scale = type_.scale if type_.precision else 9
        return None if value is None else f"{Decimal(str(value)) + 0:.{scale or 0}f}"


def _read(value: object, type_: Type) -> object:
    """What an engine could only give as JSON text, parsed."""
    is_json = isinstance(value, str | bytes) and type_.kind in (Kind.FLOAT, Kind.BOOLEAN, Kind.INTEGER)
    return json.loads(value) if is_json and isinstance(value, str | bytes) else value


def _stored(value: object) -> object:
    match value:
        case bool():
            return int(value)
        case datetime():
            plain = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
            return plain.isoformat(sep=" ")
        case date() | time():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case _:
            return value

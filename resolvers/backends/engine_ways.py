"""What the generic back end must know of one engine: how to open it safely, stop a statement, and fit values."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, exc, make_url

from resolvers.backends.dialect import Dialect
from resolvers.backends.mysql_dialect import COLLATION, MYSQL_COLLATION, MySQLDialect
from resolvers.backends.sqlite_dialect import SQLiteDialect
from resolvers.backends.sqlite_functions import register
from schema.catalog import Source
from schema.query import Slot
from schema.types import Kind

if TYPE_CHECKING:
    import pyarrow as pa


class Ways(Protocol):
    dialect: Dialect

    def engine(self, size: int) -> Engine:
        """An engine whose every session is read-only, in UTC and in autocommit. Connects to nothing yet."""

    def stop(self, connection: Connection) -> Callable[[], None]:
        """What stops the statement that this connection is running, callable from another thread."""

    def abandon(self, connection: Connection) -> None:
        """Leave unread what a statement has left, before its connection is closed."""

    def is_timeout(self, error: exc.DBAPIError) -> bool: ...

    def spelt(self, text: str) -> str:
        """A statement for the server that was found, known once a connection was made."""

    def adapt(self, slot: Slot, value: object) -> object:
        """A neutral value (`binding`) as the driver wants it."""

    def declared(self, column: Sequence[object]) -> pa.DataType | None:
        """The Arrow type that the driver's description of a column (PEP 249) stands for, or None where the values
        have to say it."""


def ways(source: Source, url: str, project: Path) -> Ways:
    """The ways of the engine that a URL names. Raises ValueError for one that has none."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return SQLite(parsed, project)
        case "mysql" | "mariadb":
            return MySQL(parsed, source)
        case other:
            raise ValueError(f"no dialect for '{other}': sqlite, mysql and mariadb have one (docs/adding-a-backend.md)")


class SQLite:
    """A database file, opened read-only. A statement is stopped by ``sqlite3_interrupt``."""

    def __init__(self, url: URL, project: Path) -> None:
        self.dialect: Dialect = SQLiteDialect()
        self._path = project / (url.database or "").removeprefix("file:")

    def engine(self, size: int) -> Engine:
        return create_engine(
            "sqlite://",
            creator=self._connect,
            hide_parameters=True,
            poolclass=QueuePool,
            pool_size=size,
            max_overflow=0,
            pool_reset_on_return=None,
        )

    def _connect(self) -> sqlite3.Connection:
        address = f"file:{quote(str(self._path))}?mode=ro"
        connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        register(connection)
        return connection

    def stop(self, connection: Connection) -> Callable[[], None]:
        driver: object = connection.connection.dbapi_connection
        if not isinstance(driver, sqlite3.Connection):
            raise TypeError("not a sqlite3 connection")
        return driver.interrupt

    def abandon(self, connection: Connection) -> None:
        return

    def is_timeout(self, error: exc.DBAPIError) -> bool:
        return "interrupted" in str(error.orig)

    def spelt(self, text: str) -> str:
        return text

    def adapt(self, slot: Slot, value: object) -> object:
        if isinstance(value, list):
            return [self.adapt(slot, item) for item in value]
        if slot.type.kind is Kind.DECIMAL and isinstance(value, str):
            exact = Decimal(value)
            whole = int(exact)
            return whole if whole == exact and abs(whole) < 2**63 else float(exact)
        return value

    def declared(self, column: Sequence[object]) -> pa.DataType | None:
        return None


class MySQL:
    """MariaDB or MySQL. A statement is stopped by ``KILL QUERY`` on a connection of its own.

    Options: ``statement_timeout`` (60 s: the server's own last word), ``connect_timeout`` (5 s).
    """

    def __init__(self, url: URL, source: Source) -> None:
        self.dialect: Dialect = MySQLDialect()
        self._url = url.update_query_dict({"charset": "utf8mb4"})
        self._timeout = float(str(source.options.get("statement_timeout", 60)))
        self._connect_timeout = int(str(source.options.get("connect_timeout", 5)))
        self._side: Engine | None = None
        self._collation = COLLATION

    def engine(self, size: int) -> Engine:
        made = self._engine(size)
        self._side = self._engine(1)
        return made

    def _engine(self, size: int) -> Engine:
        engine = create_engine(
            self._url,
            pool_size=size,
            max_overflow=0,
            pool_reset_on_return=None,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": self._connect_timeout},
        )
        event.listen(engine, "connect", self._prepare)
        return engine

    def _prepare(self, driver: object, record: object) -> None:
        cursor = driver.cursor()  # type: ignore[attr-defined]  # a DB-API connection
        cursor.execute("SELECT VERSION()")
        mariadb = "mariadb" in str(cursor.fetchone()[0]).lower()
        cursor.execute("SET SESSION time_zone = '+00:00'")
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        if mariadb:
            cursor.execute("SET SESSION max_statement_time = %s", (self._timeout,))
        else:
            cursor.execute("SET SESSION max_execution_time = %s", (int(self._timeout * 1000),))
        collation = COLLATION if mariadb else MYSQL_COLLATION
        cursor.execute(f"SET NAMES utf8mb4 COLLATE {collation}")
        cursor.close()
        self._collation = collation

    def stop(self, connection: Connection) -> Callable[[], None]:
        session = int(connection.connection.dbapi_connection.thread_id())  # type: ignore[union-attr]

        def kill() -> None:
            if self._side is not None:
                with suppress(exc.SQLAlchemyError), self._side.connect() as side:
                    side.exec_driver_sql(f"KILL QUERY {session}")

        return kill

    def abandon(self, connection: Connection) -> None:
        """The driver reads the rest of a result when it tidies up, then from a connection that is closed."""
        driver: Any = connection.connection.driver_connection
        if driver._result is not None:
            driver._result.unbuffered_active, driver._result = False, None

    def is_timeout(self, error: exc.DBAPIError) -> bool:
        return bool(error.orig is not None and error.orig.args and error.orig.args[0] in (1317, 1969, 3024))

    def spelt(self, text: str) -> str:
        return (
            text
            if self._collation == COLLATION
            else text.replace(f" COLLATE {COLLATION}", f" COLLATE {self._collation}")
        )

    def adapt(self, slot: Slot, value: object) -> object:
        if isinstance(value, list):
            return [self.adapt(slot, item) for item in value]
        return Decimal(value) if slot.type.kind is Kind.DECIMAL and isinstance(value, str) else value

    def declared(self, column: Sequence[object]) -> pa.DataType | None:
        import pyarrow as pa
        from pymysql.constants import FIELD_TYPE as KINDS

        from resolvers.backends.arrow_types import UTC_MOMENT

        kind = column[1]
        if kind in (KINDS.DECIMAL, KINDS.NEWDECIMAL):
            # The description has the width with sign and point, not the precision.
            width, scale = int(str(column[4])), int(str(column[5]))
            return pa.decimal128(38, scale) if width - 2 <= 38 else pa.string()
        if kind in (KINDS.TINY, KINDS.SHORT, KINDS.INT24, KINDS.LONG, KINDS.LONGLONG):
            return pa.int64()
        return {
            KINDS.FLOAT: pa.float64(),
            KINDS.DOUBLE: pa.float64(),
            KINDS.DATE: pa.date32(),
            KINDS.TIME: pa.time64("us"),
            KINDS.DATETIME: pa.timestamp("us"),
            KINDS.TIMESTAMP: UTC_MOMENT,
        }.get(kind)

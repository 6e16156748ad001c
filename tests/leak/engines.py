"""Where the leak tests keep their worlds: DuckDB files, or a real PostgreSQL beside a DuckDB file (so that
relationships cross engines)."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.leak.databases import duckdb_file, statements
from tests.leak.world import Row
from tests.postgres import server


class EngineKind(Protocol):
    name: str

    def fill(self, folder: Path, rows: dict[str, list[Row]], reference: bool) -> None:
        """Put a world where the project in the folder finds it."""


@dataclass(frozen=True)
class DuckDBFiles:
    name: str = "duckdb"

    def fill(self, folder: Path, rows: dict[str, list[Row]], reference: bool) -> None:
        for source in ("main", "side"):
            duckdb_file(folder, source, rows, reference)


@dataclass(frozen=True)
class PostgresAndDuckDB:
    name: str = "postgres"

    def fill(self, folder: Path, rows: dict[str, list[Row]], reference: bool) -> None:
        dsn = server().database(";\n".join(statements("main", rows, reference)))
        duckdb_file(folder, "side", rows, reference)
        settings = folder / "customhouse.yaml"
        _point(settings, "postgres", dsn, f"{dsn}?application_name=partner")


@dataclass(frozen=True)
class SQLiteAndDuckDB:
    """An engine without nested JSON: one statement per level, stitched by link values."""

    name: str = "sqlite"

    def fill(self, folder: Path, rows: dict[str, list[Row]], reference: bool) -> None:
        with closing(sqlite3.connect(folder / "main.sqlite")) as connection:
            for statement in statements("main", rows, reference):
                connection.execute(statement.replace("DATE '", "'").replace("TIMESTAMPTZ '", "'"))
            connection.commit()
        duckdb_file(folder, "side", rows, reference)
        settings = folder / "customhouse.yaml"
        _point(settings, "sqlalchemy", "sqlite:///main.sqlite", f"sqlite:///{folder.absolute()}/main.sqlite")


def _point(settings: Path, kind: str, url: str, partners: str) -> None:
    """Have the first source be this, read by partners in a way of their own."""
    text = settings.read_text().replace('kind: duckdb, url: "main.duckdb"', f'kind: {kind}, url: "{url}"')
    settings.write_text(text.replace("    sources: {}", f'    sources: {{main: {{url: "{partners}"}}}}'))


ENGINES: tuple[EngineKind, ...] = (DuckDBFiles(), PostgresAndDuckDB(), SQLiteAndDuckDB())

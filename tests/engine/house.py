"""An engine over a project folder, its sources filled by SQL: DuckDB, PostgreSQL, SQLite, or BigQuery's emulator.

A project here writes its source's place as ``main: @`` in customhouse.yaml; `place` puts the engine's own there.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import duckdb
import orjson
import pytest

from app.project import load_project
from resolvers.backends.backend import Backend
from resolvers.backends.registry import open_backend
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller, ClaimValue
from schema.errors import Refusal, Refusals
from tests.backends.bigquery_emulator import dataset as bigquery_dataset
from tests.leak.house import FAR_FUTURE, KEYS, MINUTE
from tests.postgres import server

HERE = Path(__file__).parent
ENGINES = ("duckdb", "postgres", "sqlite")
EVERY = (*ENGINES, pytest.param("bigquery", marks=pytest.mark.slow_parts))


def place(name: str, folder: Path, engine: str, statements: Iterable[str]) -> Path:
    """A copy of a project of this folder, its source ``main`` filled by the statements, in that engine."""
    shutil.copytree(HERE / name, folder)
    settings = folder / "customhouse.yaml"
    settings.write_text(settings.read_text().replace("main: @", f"main: {filled(folder, 'main', engine, statements)}"))
    return folder


def filled(folder: Path, name: str, engine: str, statements: Iterable[str]) -> str:
    """Run the statements in a fresh database; gives the source's settings."""
    if engine == "postgres":
        return f'{{kind: postgres, url: "{server().database(*statements)}", location: eu-west-1}}'
    if engine == "bigquery":
        return f'{{kind: bigquery, url: "{bigquery_dataset(statements)}", location: eu-west-1}}'
    if engine == "sqlite":
        with closing(sqlite3.connect(folder / f"{name}.sqlite")) as connection:
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        return f'{{kind: sqlalchemy, url: "sqlite:///{name}.sqlite", location: eu-west-1}}'
    with duckdb.connect(str(folder / f"{name}.duckdb")) as database:
        database.execute("SET TimeZone = 'UTC'")
        for statement in statements:
            database.execute(statement)
    return f'{{kind: duckdb, url: "{name}.duckdb", location: eu-west-1}}'


def partners_url(url: str, folder: Path) -> str:
    """Another way to the same database, as a zone of partners must have one."""
    if url.startswith("sqlite:///"):
        return f"sqlite:///{folder.absolute()}/{url.removeprefix('sqlite:///')}"
    return f"{url}{'&' if '?' in url else '?'}application_name=partner" if url.startswith("postgres") else url


def caller(subject: str = "ann", expires: float = FAR_FUTURE, **claims: ClaimValue) -> Caller:
    """Papers as `authenticate` would have made them."""
    return Caller(
        subject, "https://dev.customhouse.example", "internal", claims, expires, None, "eu-west-1",
        digest=f"{subject} {sorted(claims.items())}",
    )  # fmt: skip


@dataclass
class House:
    """An open project. `ask` gives the body; what is refused as a whole comes as ``{"refused": [codes]}``."""

    engine: Engine
    backends: dict[str, Backend]

    @classmethod
    def open(cls, folder: Path, clock: Callable[[], float] = lambda: MINUTE, zone: str = "internal") -> House:
        project = load_project(folder).seen_in(zone)
        backends = {name: open_backend(source, source.url, folder) for name, source in project.catalog.sources.items()}
        return cls(Engine(project.catalog, project.policies, zone, backends, KEYS, clock), backends)

    async def ask(self, text: str, who: Caller, variables: Mapping[str, object] | None = None) -> dict[str, object]:
        try:
            answer = await self.engine.answer(Operation("graphql", text, dict(variables or {})), who)
        except Refusals as refusals:
            return {"refused": [error.code for error in refusals.errors]}
        except Refusal as refusal:
            return {"refused": [refusal.code]}
        said: dict[str, object] = orjson.loads(answer.body)
        return said

    async def __aenter__(self) -> House:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for backend in self.backends.values():
            await backend.close()

"""The project of this folder with its rows in a real database, one engine per zone, each with keys of its own."""

from __future__ import annotations

import hashlib
import hmac
import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

import duckdb
import orjson

from app.project import load_project
from resolvers.backends.backend import Backend
from resolvers.backends.registry import open_backend
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller
from schema.errors import Refusal, Refusals
from tests.postgres import server

PROJECT = Path(__file__).parent / "project"
FAR_FUTURE, MINUTE = 4102444800.0, 1_700_000_000.0


def keys(zone: str) -> dict[str, bytes]:
    return {use: hashlib.sha512(f"{zone} {use}".encode()).digest() for use in ("hash", "token", "key", "seal")}


def token(value: str, zone: str = "internal") -> str:
    """What the mask makes of a value, written from docs/masks.md alone."""
    return f"tok_{zone}_{hmac.new(keys(zone)['token'], value.encode(), hashlib.sha256).hexdigest()[:32]}"


def caller(roles: tuple[str, ...], zone: str = "internal") -> Caller:
    """Papers with these roles, as `authenticate` would have made them."""
    return Caller(
        "ann", "https://dev.customhouse.example", zone, {"roles": roles}, FAR_FUTURE, None, "eu-west-1",
        digest=f"{zone} {roles}",
    )  # fmt: skip


def project(folder: Path, database: str = "duckdb") -> Path:
    """A copy of the project with its rows in place, in DuckDB, PostgreSQL or SQLite."""
    shutil.copytree(PROJECT, folder)
    rows, settings = (folder / "rows.sql").read_text("utf-8"), folder / "customhouse.yaml"
    place = 'kind: duckdb, url: "main.duckdb"'
    if database == "duckdb":
        with duckdb.connect(str(folder / "main.duckdb")) as filled:
            filled.execute(rows)
    elif database == "postgres":
        place = f'kind: postgres, url: "{server().database(rows)}"'
    else:
        with closing(sqlite3.connect(folder / "main.sqlite")) as lite:
            lite.executescript(rows)
        place = 'kind: sqlalchemy, url: "sqlite:///main.sqlite"'
    settings.write_text(settings.read_text().replace('kind: duckdb, url: "main.duckdb"', place))
    return folder


@dataclass(frozen=True)
class House:
    """The open zones. `ask` gives the body, and what is refused as a whole as its errors."""

    zones: Mapping[str, Engine]
    backends: Mapping[str, Backend]

    async def ask(self, text: str, who: Caller, variables: Mapping[str, object] | None = None) -> dict[str, object]:
        try:
            answer = await self.zones[who.zone].answer(Operation("graphql", text, dict(variables or {})), who)
        except (Refusal, Refusals) as refused:
            errors = refused.errors if isinstance(refused, Refusals) else (refused,)
            return {"errors": [{"code": e.code, "message": e.message, "hint": e.hint} for e in errors]}
        said: dict[str, object] = orjson.loads(answer.body)
        return said


@asynccontextmanager
async def house(folder: Path) -> AsyncIterator[House]:
    """Open the project in a folder."""
    read = load_project(folder)
    backends = {name: open_backend(source, source.url, folder) for name, source in read.catalog.sources.items()}
    engines = {
        zone: Engine(read.catalog, read.policies, zone, backends, keys(zone), lambda: MINUTE)
        for zone in read.catalog.zones
    }
    try:
        yield House(engines, backends)
    finally:
        for backend in backends.values():
            await backend.close()

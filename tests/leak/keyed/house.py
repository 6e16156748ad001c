"""The project of this folder, open: tables in DuckDB or PostgreSQL beside a second DuckDB, and what the store holds in
a store of this process, or, ``tabled``, in tables of the first database, where the same policies are SQL.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import yaml

from app.project import load_project
from resolvers.backends.opened import Opened
from resolvers.backends.registry import open_source
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller, ClaimValue
from schema.errors import Refusal, Refusals
from tests.engine.house import filled
from tests.features.shelf import Shelf
from tests.leak.databases import literal
from tests.leak.house import FAR_FUTURE, KEYS, MINUTE
from tests.leak.keyed.seen import Persona
from tests.leak.keyed.world import KEYS as ROW_KEYS
from tests.leak.keyed.world import SCORES, STORED, TABLES, World

PROJECT = Path(__file__).parent / "project"


def caller(who: Persona) -> Caller:
    claims: dict[str, ClaimValue] = {"roles": who.roles}
    if who.regions is not None:
        claims["regions"] = who.regions
    issuer = "https://dev.customhouse.example"
    return Caller(who.name, issuer, who.zone, claims, FAR_FUTURE, who.purpose, "eu-west-1", f"papers of {who.name}")


def statements(source: str, world: World, tabled: bool) -> Iterator[str]:
    for product, (where, table, columns) in {**TABLES, **(STORED if tabled else {})}.items():
        if where == source:
            yield f"CREATE TABLE {table} ({', '.join(f'{name} {type_}' for name, type_ in columns.items())})"
            for row in world[product]:
                yield f"INSERT INTO {table} VALUES ({', '.join(literal(row[name]) for name in columns)})"


def shelves(world: World) -> dict[str, Shelf]:
    rows = {
        product: {tuple(row[name] for name in ROW_KEYS[product]): dict(row) for row in world[product]}
        for product in STORED
    }
    return {"store": Shelf("store", rows), "scorer": Shelf("scorer", scores=dict(SCORES))}


@dataclass
class House:
    """Ask it as a persona; the answer is the body, refusals included. ``shelves`` note what was asked of them."""

    engine: Engine
    opened: dict[str, Opened]
    shelves: dict[str, Shelf]

    @classmethod
    def made(cls, folder: Path, world: World, engine: str, tabled: bool = False, zone: str = "internal") -> House:
        shutil.copytree(PROJECT, folder)
        filled(folder, "side", "duckdb", statements("side", world, tabled))
        made = yaml.safe_load(filled(folder, "main", engine, list(statements("main", world, tabled))))
        settings = f'main: {{kind: {made["kind"]}, url: "main", location: eu-west-1}}'
        for file, old, new in (
            ("customhouse.yaml", "main: @", settings),
            ("catalog/all.yaml", "source: store", "source: main" if tabled else "source: store"),
        ):
            (folder / file).write_text((folder / file).read_text().replace(old, new))
        return cls.open(folder, shelves(world), made["url"], zone)

    @classmethod
    def open(cls, folder: Path, shelves: dict[str, Shelf], main: str, zone: str = "internal") -> House:
        """Open the project in a folder. ``main`` is where its first database is: it does not stand in the settings, so
        that two worlds have one version of the catalog and may take each other's cursors."""
        project = load_project(folder).seen_in(zone)
        opened: dict[str, Opened] = {
            name: shelves[name]
            if name in shelves
            else open_source(source, main if name == "main" else source.url, folder)
            for name, source in project.catalog.sources.items()
        }
        engine = Engine(project.catalog, project.policies, zone, opened, KEYS, lambda: MINUTE)
        return cls(engine, opened, shelves)

    async def ask(self, text: str, who: Persona) -> bytes:
        try:
            return (await self.engine.answer(Operation("graphql", text, {}), caller(who))).body
        except Refusals as refusals:
            return orjson.dumps([(one.code, one.message, one.hint, one.status) for one in refusals.errors])
        except Refusal as refusal:
            return orjson.dumps([(refusal.code, refusal.message, refusal.hint, refusal.status)])

    def asked(self) -> list[tuple[str, str, object]]:
        """What the sources were asked since the last time: product, key, session. How keys share calls is left out: an
        engine gives rows in any order where none matters."""
        found: list[tuple[str, str, object]] = []
        for shelf in self.shelves.values():
            found += [(product, repr(key), call.session) for product, keys, call in shelf.calls for key in keys]
            shelf.calls.clear()
        return sorted(found, key=repr)

    def broken(self, products: set[str]) -> None:
        """Break the calls of these products. What was kept is forgotten: how far a failed answer came is chance."""
        for shelf in self.shelves.values():
            shelf.broken = products
        if products:
            self.engine.kept_rows._held.clear()

    async def __aenter__(self) -> House:
        return self

    async def __aexit__(self, *error: object) -> None:
        for opened in self.opened.values():
            await opened.close()
        await self.engine.close()

"""A project with tables in two databases, a feature store and models, open as an engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from app.project import load_project
from resolvers.backends.opened import Opened
from resolvers.backends.registry import open_source
from resolvers.engine import Engine
from schema.caller import Caller
from tests.engine.house import House as Plain
from tests.engine.house import caller, filled
from tests.features.shelf import Shelf
from tests.leak.house import KEYS, MINUTE

HERE = Path(__file__).parent
NOW = datetime.fromtimestamp(MINUTE, UTC)

ROOT = caller("root", roles=("root",), carriers=("UA", "DL"), team="risk")
STAFF = caller("staff", roles=("staff",), carriers=("UA",), team="ops")
OTHER = caller("other", roles=("staff",), carriers=("DL",), team="ops")
DESK = caller("desk", roles=("desk",))
NOBODY = caller("nobody", roles=())


def tables() -> Iterator[str]:
    yield (
        "CREATE TABLE flights (id BIGINT, carrier TEXT, origin TEXT, dest TEXT, tailnum TEXT, distance INTEGER,"
        " fare DOUBLE PRECISION, gate TEXT)"
    )
    yield (
        "INSERT INTO flights VALUES (1, 'UA', 'EWR', 'IAH', 'N1', 1400, 120, 'A1'),"
        " (2, 'UA', 'EWR', 'IAH', 'N2', 1400, 180, 'A2'), (3, 'DL', 'JFK', 'MIA', 'N3', 1089, 250, 'B1'),"
        " (4, 'DL', 'JFK', 'MIA', NULL, 1089, NULL, NULL), (5, 'AA', 'LGA', 'ORD', 'N9', 733, 90, 'C1'),"
        " (6, 'UA', 'EWR', NULL, 'N1', NULL, 310, 'A1')"
    )
    yield "CREATE TABLE plane_features (tailnum TEXT, computed TIMESTAMP, trips INTEGER)"
    old, new = NOW - timedelta(days=3), NOW - timedelta(hours=1)
    yield (
        f"INSERT INTO plane_features VALUES ('N1', '{old:%Y-%m-%d %H:%M:%S}', 5),"
        f" ('N1', '{new:%Y-%m-%d %H:%M:%S}', 7), ('N2', '{old:%Y-%m-%d %H:%M:%S}', 3)"
    )


def fleet() -> Iterator[str]:
    yield "CREATE TABLE planes (tailnum TEXT, seats INTEGER, maker TEXT)"
    yield "INSERT INTO planes VALUES ('N1', 150, 'BOEING'), ('N2', 240, 'AIRBUS'), ('N3', 300, 'BOEING')"
    yield "CREATE TABLE routes (origin TEXT, dest TEXT, name TEXT)"
    yield "INSERT INTO routes VALUES ('EWR', 'IAH', 'Newark to Houston'), ('LGA', 'ORD', 'La Guardia to Chicago')"


def store() -> Shelf:
    fresh, stale = NOW - timedelta(hours=2), NOW - timedelta(days=9)
    routes = {
        ("EWR", "IAH"): {"computed": fresh, "mean_delay": 12.5, "flights": 4000, "carrier": "UA", "margin": 130},
        ("JFK", "MIA"): {"computed": stale, "mean_delay": -2.0, "flights": 3300, "carrier": "DL", "margin": 251},
    }
    tails = {("N1",): {"age": 9}, ("N3",): {"age": 20}}
    return Shelf(
        "store",
        {
            "features.route_delays": {
                key: {"origin": key[0], "dest": key[1], **row, "margin": Decimal(str(row["margin"]))}
                for key, row in routes.items()
            },
            "features.tails": {key: {"tailnum": key[0], **row} for key, row in tails.items()},
        },
    )


def stored() -> Iterator[str]:
    """What the store holds, as tables."""
    rows = store().rows
    yield (
        "CREATE TABLE route (origin TEXT, dest TEXT, computed TIMESTAMP, mean_delay DOUBLE PRECISION, flights BIGINT,"
        " carrier TEXT, margin DECIMAL(8,2))"
    )
    for row in rows["features.route_delays"].values():
        yield (
            f"INSERT INTO route VALUES ('{row['origin']}', '{row['dest']}', '{row['computed']:%Y-%m-%d %H:%M:%S}',"
            f" {row['mean_delay']}, {row['flights']}, '{row['carrier']}', {row['margin']})"
        )
    yield "CREATE TABLE tail (tailnum TEXT, age INTEGER)"
    for row in rows["features.tails"].values():
        yield f"INSERT INTO tail VALUES ('{row['tailnum']}', {row['age']})"


def risk(inputs: Mapping[str, object]) -> Mapping[str, object]:
    """A score that shows its inputs: thousands of miles, hundredths of the fare, the delay."""
    distance, fare, delay = (float(str(inputs[name] or 0)) for name in ("distance", "fare", "mean_delay"))
    probability = round(distance / 1e4 + fare / 1e4 + delay / 1e3, 6)
    return {"probability": probability, "label": "late" if probability > 0.16 else "on time"}


def scorer() -> Shelf:
    return Shelf(
        "scorer",
        scores={
            "ml.risk": risk,
            "ml.cost": lambda inputs: {
                "doubled": float(str(inputs["fare"])) * 2,
                "rank": "high" if float(str(inputs["fare"])) > 200 else "low",
            },
            "ml.second": lambda inputs: {"said": f"{inputs['probability']} at {inputs['gate']}"},
        },
    )


@dataclass
class House(Plain):
    zone: str = "internal"
    store: Shelf = None  # type: ignore[assignment]
    scorer: Shelf = None  # type: ignore[assignment]

    @classmethod
    def made(
        cls,
        folder: Path,
        engine: str = "duckdb",
        clock: Callable[[], float] = lambda: MINUTE,
        other: str = "duckdb",
        tabled: bool = False,
        settings: tuple[tuple[str, str], ...] = (),
        policies: str = "",
        more: tuple[str, ...] = (),
        fleet_more: tuple[str, ...] = (),
        zone: str = "internal",
    ) -> House:
        """The project of this folder, its tables in an engine and those of the fleet in another. ``tabled``: what the
        store holds stands in tables too, and is read from there. ``settings`` are replaced in customhouse.yaml,
        ``policies`` added, ``more`` and ``fleet_more`` run in the databases. ``zone`` is whose house it is; the
        sources that partners read in their own way are the same ones here."""
        shutil.copytree(HERE / "project", folder)
        file, catalog = folder / "customhouse.yaml", folder / "catalog" / "all.yaml"
        text = file.read_text()
        for old, new in settings:
            text = text.replace(old, new)
        text = text.replace("fleet: @fleet", f"fleet: {filled(folder, 'fleet', other, [*fleet(), *fleet_more])}")
        statements = [*tables(), *(stored() if tabled else ()), *more]
        (folder / "policies" / "more.yaml").write_text(policies or "{}")
        file.write_text(text.replace("main: @", f"main: {filled(folder, 'main', engine, statements)}"))
        if tabled:
            catalog.write_text(catalog.read_text().replace("source: store", "source: main"))
        whole = load_project(folder)
        project = whole.seen_in(zone)
        shelves = {"store": store(), "scorer": scorer()}
        sources = project.catalog.sources
        opened: dict[str, Opened] = {
            name: shelves[name] if name in shelves else open_source(source, whole.catalog.sources[name].url, folder)
            for name, source in sources.items()
        }
        made = Engine(project.catalog, project.policies, zone, opened, KEYS, clock)
        return cls(made, dict(opened), zone, shelves["store"], shelves["scorer"])  # type: ignore[arg-type]

    async def ask(self, text: str, who: Caller, variables: Mapping[str, object] | None = None) -> dict[str, object]:
        return await super().ask(text, replace(who, zone=self.zone), variables)

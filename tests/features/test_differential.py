"""The same product once in a store and once in a table, under the same random policies, papers and rows: whoever asks
whatever both can be asked gets the same bytes.

The policies are those that the two renderings are tested with (tests/rowwise), less what no store can have: derived
columns and paths to related rows. Roots by key are left out where the key is masked: a table is then searched by the
mask, a store cannot be.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.project import load_project
from resolvers.backends.opened import Opened
from resolvers.backends.registry import open_source
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller
from schema.errors import Refusal, Refusals
from tests.engine.house import filled
from tests.features.shelf import Shelf
from tests.leak.databases import literal
from tests.leak.house import FAR_FUTURE, KEYS, MINUTE
from tests.rowwise.test_rowwise_sql import CLAIMS, CONDITIONS, ROWS, documents, words

RUNS = int(os.environ.get("CUSTOMHOUSE_ROWWISE_RUNS", "12"))
QUESTIONS, TRIES = 8, 30
"""Questions that are answered, of so many: the others name what the policies hide."""
HERE = Path(__file__).parent / "differential"
STORABLE = [text for text in CONDITIONS if "is_late" not in text and "plane." not in text]
TYPES = {
    "id": "BIGINT", "carrier": "TEXT", "origin": "TEXT", "tailnum": "TEXT", "dep_delay": "INTEGER",
    "distance": "DOUBLE PRECISION", "fare_total": "DECIMAL(12,2)", "region": "TEXT", "day": "DATE",
    "departed": "TIMESTAMPTZ", "is_open": "BOOLEAN", "ref": "UUID",
}  # fmt: skip
CONDITION = {
    "id": ["eq: 1", "in: [0, 2]"],
    "carrier": ['eq: "UA"', 'ne: "UA"', 'icontains: "u"', 'startsWith: "big"', "isNull: true", 'gt: "JFK"'],
    "origin": ['in: ["JFK", ""]', "isNull: false", 'contains: "é"'],
    "tailnum": ['endsWith: "1"', 'ne: "N2"'],
    "depDelay": ["gt: 0", "lte: 2"],
    "distance": ["gt: 0.25", "lt: 0", "isNull: true", "eq: 0"],
    "fareTotal": ['gte: "5"', 'notIn: ["0", "9.5"]'],
    "day": ['lt: "2013-02-01"'],
    "departed": ['gt: "2013-06-01T00:00:00Z"'],
    "isOpen": ["eq: true", "isNull: false"],
}
COLUMNS = [*CONDITION, "region", "ref"]
Rows = list[dict[str, Any]]


def number(value: object) -> object:
    return f"'{value}'::DOUBLE PRECISION" if isinstance(value, float) else literal(value)


def tables(rows: Rows, entitled: list[str], tabled: bool) -> Iterator[str]:
    yield "CREATE TABLE entitlements (login TEXT, carrier TEXT)"
    yield from (f"INSERT INTO entitlements VALUES ('ana', {literal(carrier)})" for carrier in entitled)
    yield "CREATE TABLE legs (leg BIGINT, flight BIGINT, delay INTEGER, crew TEXT)"
    keys = [(row["id"], row["dep_delay"]) for row in rows]
    for leg, (flight, delay) in enumerate([*keys, (None, 1), (1, None), (77, 0), *keys[:2]]):
        crew = "NULL" if leg % 4 == 3 else f"'c{leg % 3}'"
        yield f"INSERT INTO legs VALUES ({leg}, {literal(flight)}, {literal(delay)}, {crew})"
    if tabled:
        yield f"CREATE TABLE flights ({', '.join(f'{name} {type_}' for name, type_ in TYPES.items())})"
        for row in rows:
            yield f"INSERT INTO flights VALUES ({', '.join(str(number(row[name])) for name in TYPES)})"


def echo(inputs: Mapping[str, object]) -> Mapping[str, object]:
    found = [value for value in (inputs["distance"], inputs["fare"]) if isinstance(value, float)]
    return {"said": json.dumps([inputs["crew"], inputs["carrier"]]), "sum": float(sum(found))}


@dataclass
class House:
    engine: Engine
    opened: dict[str, Opened]

    @classmethod
    def made(cls, folder: Path, kind: str, text: str, rows: Rows, entitled: list[str], tabled: bool) -> House:
        shutil.copytree(HERE, folder)
        main = filled(folder, "main", kind, list(tables(rows, entitled, tabled)))
        file, catalog = folder / "customhouse.yaml", folder / "catalog" / "all.yaml"
        file.write_text(file.read_text().replace("main: @", f"main: {main}"))
        if tabled:
            catalog.write_text(catalog.read_text().replace("source: store", "source: main"))
        (folder / "policies" / "drawn.yaml").write_text(text, encoding="utf-8")
        stored = {(row["id"], row["dep_delay"]): row for row in rows}
        shelves = {"store": Shelf("store", {"operations.flights": stored}), "scorer": Shelf("scorer")}
        shelves["scorer"].scores["ml.echo"] = echo
        project = load_project(folder)
        opened: dict[str, Opened] = {
            name: shelves[name] if name in shelves else open_source(source, source.url, folder)
            for name, source in project.catalog.sources.items()
        }
        return cls(Engine(project.catalog, project.policies, "internal", opened, KEYS, lambda: MINUTE), opened)

    async def ask(self, text: str, who: Caller) -> bytes:
        try:
            return (await self.engine.answer(Operation("graphql", text, {}), who)).body
        except (Refusal, Refusals) as refusal:
            errors = refusal.errors if isinstance(refusal, Refusals) else [refusal]
            return orjson.dumps([(one.code, one.message) for one in errors])  # a table has more names to suggest

    async def close(self) -> None:
        for opened in self.opened.values():
            await opened.close()
        await self.engine.close()


def question(dice: random.Random, by_key: bool) -> str:
    shown = " ".join(["status", *dice.sample(COLUMNS, dice.randint(1, 6))])
    roll = dice.random()
    if by_key and roll < 0.2:
        keys = [f"{{id: {dice.randint(-3, 3)}, depDelay: {dice.choice([-2, -1, 0, 1, 2])}}}" for _ in range(4)]
        return f"{{flightsByKeys(keys: [{', '.join(keys)}]) {{{shown}}} one: flight({keys[0][1:-1]}) {{{shown}}}}}"
    where = f"where: {condition(dice, 0)}"
    if roll < 0.35:
        return f"{{legsAggregate({where}) {{count sum {{leg}}}}}}"
    if roll < 0.45:
        return f"{{legsGroups(by: [{{column: CREW}}], {where}) {{key {{crew}} count}}}}"
    order = f"features: {{{dice.choice([*CONDITION, 'ref'])}: {dice.choice(['ASC', 'DESC', 'ASC_NULLS_FIRST'])}}}"
    if dice.random() < 0.3:
        order = f"echo: {{{dice.choice(['said', 'sum'])}: DESC}}"
    parts = dice.sample([where, f"orderBy: [{{{order}}}]"], dice.randint(1, 2))
    return f"{{legs({', '.join(parts)}) {{nodes {{leg features {{{shown}}} echo {{said sum}}}}}}}}"


def condition(dice: random.Random, depth: int) -> str:
    if depth < 2 and dice.random() < 0.4:
        word = dice.choice(["and", "or"])
        if dice.random() < 0.4:
            return f"{{not: {condition(dice, depth + 1)}}}"
        return f"{{{word}: [{condition(dice, depth + 1)}, {condition(dice, depth + 1)}]}}"
    if dice.random() < 0.15:
        return '{crew: {ne: "c1"}}'
    if dice.random() < 0.15:
        return "{echo: {sum: {gt: 0.3}}}"
    names = dice.sample(sorted(CONDITION), dice.choice([1, 1, 2]))
    inner = ", ".join(f"{name}: {{{dice.choice(CONDITION[name])}}}" for name in names)
    return f"{{features: {f'{{not: {{{inner}}}}}' if dice.random() < 0.2 else f'{{{inner}}}'}}}"


@pytest.mark.parametrize("kind", ["duckdb", "postgres"])
@settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    documents(STORABLE),
    CLAIMS,
    st.none() | st.just("fraud"),
    st.lists(ROWS, min_size=5, max_size=7, unique_by=lambda row: (row["id"], row["dep_delay"])),
    st.lists(words, max_size=2),
    st.integers(0, 2**32),
)
def test_a_store_and_a_table_give_the_same_bytes(
    kind: str, text: str, claims: dict[str, Any], purpose: str | None, rows: Rows, entitled: list[str], seed: int
) -> None:
    rows = [row for row in rows if row["dep_delay"] is not None]
    typed = {name: tuple(value) if isinstance(value, list) else value for name, value in claims.items()}
    issuer = "https://dev.customhouse.example"
    who = Caller("ana", issuer, "internal", typed, FAR_FUTURE, purpose, "eu-west-1", "papers")
    assert asyncio.run(differences(kind, text, who, rows, entitled, seed)) == [], text


async def differences(
    kind: str, text: str, who: Caller, rows: Rows, entitled: list[str], seed: int
) -> list[tuple[str, bytes, bytes]]:
    found: list[tuple[str, bytes, bytes]] = []
    dice = random.Random(seed)
    with TemporaryDirectory() as folder:
        store = House.made(Path(folder) / "store", kind, text, rows, entitled, tabled=False)
        table = House.made(Path(folder) / "table", kind, text, rows, entitled, tabled=True)
        answered = 0
        for _ in range(TRIES):
            asked = question(dice, by_key="flights.dep_delay" not in text)
            one, other = await store.ask(asked, who), await table.ask(asked, who)
            answered += one.startswith(b'{"data"')
            if one != other:
                found.append((asked, one, other))
            if answered == QUESTIONS:
                break
        await store.close()
        await table.close()
    return found


OPEN = "grants: [{name: all, on: {products: [operations.flights]}}]"
DISTANCES = [math.inf, -math.inf, None, 7.0]
"""Of the flights of legs 0 to 3. Legs 4 to 6 lead nowhere, 7 and 8 as 0 and 1."""
COMPARED = {
    "gt: 0.25": [0, 3, 7], "lt: 0": [1, 8], "gte: 1.7e308": [0, 7], "lte: -1.7e308": [1, 8], "ne: 7": [0, 1, 7, 8],
    "eq: 7": [3], "in: [7, 1]": [3], "notIn: [7]": [0, 1, 7, 8], "isNull: false": [0, 1, 3, 7, 8], "isNull: true": [2],
}  # fmt: skip
AROUND = (
    "where: {features: {distance: {@}}, echo: {sum: {eq: 0}}}",
    "where: {not: {features: {distance: {@}}}}",
    "where: {features: {not: {distance: {@}}}}",
    "where: {features: {distance: {@}}}, orderBy: [{features: {distance: DESC}}]",
)


@pytest.mark.parametrize("kind", ["duckdb", "postgres"])
async def test_an_infinite_feature_is_compared_as_by_sql(kind: str, tmp_path: Path) -> None:
    """It counts as null where it is shown, ordered by or fed to a model, and only there."""
    rows = [dict.fromkeys(TYPES) | {"id": at, "dep_delay": at, "distance": far} for at, far in enumerate(DISTANCES)]
    who = Caller("ana", "https://dev.customhouse.example", "internal", {}, FAR_FUTURE, None, "eu-west-1", "papers")
    store = House.made(tmp_path / "store", kind, OPEN, rows, [], tabled=False)
    table = House.made(tmp_path / "table", kind, OPEN, rows, [], tabled=True)
    try:
        for test, wanted in COMPARED.items():
            asked = f"{{legs(where: {{features: {{distance: {{{test}}}}}}}) {{nodes {{leg}}}}}}"
            found = [int(node["leg"]) for node in orjson.loads(await store.ask(asked, who))["data"]["legs"]["nodes"]]
            assert (test, found) == (test, wanted)
            for where in AROUND:
                asked = f"{{legs({where.replace('@', test)}) {{nodes {{leg features {{distance}} echo {{sum}}}}}}}}"
                assert (asked, await store.ask(asked, who)) == (asked, await table.ask(asked, who))
        shown = orjson.loads(await store.ask("{legs(first: 2) {nodes {features {distance} echo {sum}}}}", who))
    finally:
        await store.close()
        await table.close()
    assert shown["data"]["legs"]["nodes"] == [{"features": {"distance": None}, "echo": {"sum": 0.0}}] * 2


async def test_an_infinite_score_is_compared_as_features_are(tmp_path: Path) -> None:
    who = Caller("ana", "https://dev.customhouse.example", "internal", {}, FAR_FUTURE, None, "eu-west-1", "papers")
    house = House.made(tmp_path / "p", "duckdb", OPEN, [dict.fromkeys(TYPES) | {"id": 0, "dep_delay": 0}], [], False)
    scorer = house.opened["scorer"]
    assert isinstance(scorer, Shelf)
    scorer.scores["ml.echo"] = lambda inputs: {"said": "much", "sum": math.inf}
    try:
        asked = "{legs(where: {echo: {sum: {@}}}) {nodes {leg echo {sum}}}}"
        above = orjson.loads(await house.ask(asked.replace("@", "gt: 1"), who))
        null = orjson.loads(await house.ask(asked.replace("@", "isNull: true"), who))
    finally:
        await house.close()
    assert above["data"]["legs"]["nodes"] == [{"leg": str(leg), "echo": {"sum": None}} for leg in (0, 1, 2, 4)]
    assert null["data"]["legs"]["nodes"] == []

"""Replicas: which database a zone reads, as the gateway assembles it, and that policy tests read the same."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
import yaml

from app.assemble import Assembler
from app.keyring import keyring
from app.parts import PARTS
from app.project import load_project
from app.serving import Serving
from app.settings import Settings
from app.steward.policy_test import run_policy_tests
from resolvers.observe import SILENT
from resolvers.operation import Operation
from schema.caller import Caller
from schema.errors import Refusal, Refusals
from tests.leak.house import FAR_FUTURE

PLACES = {"eu": "eu-west-1", "us": "us-east-1", "asia": "ap-south-1"}
ZONES = {**PLACES, "south": "sa-east-1", "few": "us-east-1"}
CATALOG: Mapping[str, object] = {
    "domains": {"a": {}},
    "products": {
        **{
            f"a.{name}": {
                "source": "main", "table": name, "key": ["id"],
                "columns": {"id": "integer", "place": "string", "note": "string"},
            }
            for name in ("seen", "other", "within")
        },
        "a.shown": {
            "source": "main", "key": ["id"], "view": "SELECT i.id, i.place FROM a.within AS i",
            "columns": {"id": "integer", "place": "string"},
        },
    },
}  # fmt: skip
ASKED = {
    "seen": ("{ seenByKey(id: 1) { place } }", "SELECT place FROM a.seen"),
    "note": ("{ seenByKey(id: 1) { note } }", "SELECT note FROM a.seen"),
    "other": ("{ otherByKey(id: 1) { place } }", "SELECT place FROM a.other"),
    "view": ("{ shownByKey(id: 1) { place } }", "SELECT place FROM a.shown"),
}
CASES = yaml.safe_load(Path(__file__).with_name("replicas.yaml").read_text(encoding="utf-8"))


def written(folder: Path, case: Mapping[str, Any]) -> Path:
    for name in PLACES:
        with duckdb.connect(str(folder / f"{name}.duckdb")) as database:
            for table in ("seen", "other", "within"):
                database.execute(f"CREATE TABLE \"{table}\" AS SELECT 1 AS id, '{name}' AS place, '{name}' AS note")
    replicas = [{"location": PLACES[name], "url": f"{name}.duckdb"} for name in ("us", "asia")]
    main = {"kind": "duckdb", "url": "eu.duckdb", "location": PLACES["eu"], "replicas": replicas}
    zones: dict[str, dict[str, object]] = {
        name: {"issuers": ["dev"], "region": region, "exposure": "internal"} for name, region in ZONES.items()
    }
    zones["few"]["products"] = ["a.seen", "a.shown"]
    issuer = {"issuer": "https://issuer.example", "audiences": ["a"], "development": True}
    settings = {"version": 1, "issuers": {"dev": issuer}, "zones": zones, "sources": {"main": main}}
    tests = [
        {
            "as": {},
            "zone": zone,
            "query": ASKED[word][1],
            **({"error": want} if want == "CH205" else {"want": [[want]]}),
        }
        for zone, wanted in case["want"].items()
        for word, want in wanted.items()
    ]
    rules = {
        "grants": [{"name": "all", "on": {"products": ["*"]}}],
        "localize": [{"name": f"rule-{at}", **rule} for at, rule in enumerate(case["localize"])],
        "tests": tests,
    }
    files = {"customhouse.yaml": settings, "catalog/all.yaml": CATALOG, "policies/all.yaml": rules}
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


@asynccontextmanager
async def served(folder: Path, zone: str) -> AsyncIterator[Serving]:
    parts = (PARTS.make_engine, PARTS.reveal_source, PARTS.open_source)
    assembler = Assembler(Settings(folder, dev_keys=True), zone, keyring(zone, {}, folder, True), *parts, SILENT)
    serving = await assembler.assemble(load_project(folder))
    try:
        yield serving
    finally:
        await serving.release()


async def answer(serving: Serving, word: str) -> str:
    zone = serving.zone.name
    who = Caller("ann", "https://issuer.example", zone, {}, FAR_FUTURE, None, ZONES[zone], digest="ann")
    try:
        said = await serving.engine.answer(Operation("graphql", ASKED[word][0], {}), who)
    except (Refusal, Refusals) as refused:
        return refused.code if isinstance(refused, Refusal) else refused.errors[0].code
    ((row,),) = [orjson.loads(said.body)["data"].values()]
    return str(next(iter(row.values())))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
async def test_what_a_zone_reads(case: Mapping[str, Any], tmp_path: Path) -> None:
    folder, found = written(tmp_path, case), {}
    for zone, wanted in case["want"].items():
        async with served(folder, zone) as serving:
            found[zone] = {word: await answer(serving, word) for word in wanted}
    assert found == case["want"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_policy_tests_read_the_same(case: Mapping[str, Any], tmp_path: Path) -> None:
    assert run_policy_tests(load_project(written(tmp_path, case))) == []


async def test_the_whole_project_has_no_replicas(tmp_path: Path) -> None:
    """What is not made for a zone hides what may leave from a replica alone, since it would read the source."""
    case = next(case for case in CASES if case["name"].startswith("a rule that a replica meets"))
    project = load_project(written(tmp_path, case))
    assert project.catalog.sources["main"].location == PLACES["eu"]
    assert project.seen_in("us").catalog.sources["main"].url == "us.duckdb"
    assert project.seen_in("us").seen_in("us") == project.seen_in("us")

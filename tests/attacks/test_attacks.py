"""Ways around a policy, as questions: along relationships between masked keys, and through views.

And as a warning: past a mask that names a column, through what is made of that column.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.project import load_project
from tests.engine.house import EVERY, House, caller, filled, partners_url

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "attacks.yaml").read_text())
ROWS = [
    "CREATE TABLE staff (id bigint, badge text, alias text, mail text, team text, bonus int, place text)",
    "INSERT INTO staff VALUES (1, 'B-1', 'a1', 'm1', 'x', 10, 'p'), (2, 'B-2', 'a2', 'm2', 'x', 20, 'p'),"
    " (3, 'B-3', 'a3', 'm3', 'y', 30, 'q')",
    "CREATE TABLE doors (badge text, room text)",
    "INSERT INTO doors VALUES ('B-1', 'R1'), ('B-2', 'R2'), ('B-3', 'R3')",
    "CREATE TABLE lockers (alias text, shelf text)",
    "INSERT INTO lockers VALUES ('a1', 'S1'), ('a3', 'S3')",
    "CREATE TABLE letters (mail text, words text, open boolean)",
    "INSERT INTO letters VALUES ('m1', 'W1', true), ('m2', 'W2', false)",
]
ONE_ACCOUNT = '{rule: credentials, on: main, reason: The emulator has one account., since: "2026-11-27"}'


@pytest.fixture(params=["internal", "partner"])
def zone(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=EVERY)
async def house(request: pytest.FixtureRequest, zone: str, tmp_path: Path) -> AsyncIterator[House]:
    folder = tmp_path / "p"
    shutil.copytree(HERE / "project", folder)
    settings = folder / "customhouse.yaml"
    main = filled(folder, "main", request.param, ROWS)
    url = yaml.safe_load(main)["url"]
    text = settings.read_text().replace("main: @", f"main: {main}")
    if request.param == "bigquery":
        own: dict[str, object] = {}
        text = text.replace("waive: [", f"waive: [{ONE_ACCOUNT}, ")
    else:
        own = {"main": {"url": url if request.param == "duckdb" else partners_url(url, folder)}}
    settings.write_text(text.replace("@partners", json.dumps(own)))
    async with House.open(folder, zone=zone) as opened:
        yield opened


async def test_attacks(house: House, zone: str) -> None:
    for case in CASES:
        said = await house.ask(case["query"], replace(caller(roles=tuple(case.get("as", ["staff"]))), zone=zone))
        assert said == {"data": case["want"]}, case["name"]


@pytest.mark.parametrize(
    ("on", "grants", "want"),
    [
        ("{column: office.staff.team}", "", ["office.roll.team"]),
        ("{column: office.roll.team}", "", ["office.totals.team"]),
        ("{products: [office.staff, office.roll], columns: [team]}", "", ["office.totals.team"]),
        ("{products: [office.staff, office.roll, office.totals], columns: [team]}", "", []),
        ("{column: office.staff.bonus}", "", ["office.roll.bonus"]),
        ("{column: office.roll.bonus}", "", ["office.totals.paid"]),
        ("{column: office.roll.bonus}", "columns: {allow: [team]}", []),
    ],
)
def test_a_mask_by_name_that_another_column_undoes_is_a_warning(
    on: str, grants: str, want: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "p"
    shutil.copytree(HERE / "project", folder)
    settings, policies = folder / "customhouse.yaml", folder / "policies" / "office.yaml"
    settings.write_text(
        settings.read_text()
        .replace("@partners", "{}")
        .replace("@", "{kind: duckdb, url: x.duckdb, location: eu-west-1}")
    )
    policies.write_text(
        f'grants: [{{name: all, on: {{products: ["*"]}}, when: "\'staff\' IN claims.roles", {grants}}}]\n'
        f'masks: [{{name: hides, on: {on}, mask: "null"}}]\n'
    )
    warnings = load_project(folder).policies.warnings
    assert [(warning.code, warning.sentence.split()[0]) for warning in warnings] == [("CH433", name) for name in want]

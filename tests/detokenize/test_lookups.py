"""Tokens looked up: who finds what, how everything that is not found answers alike, and the SQL behind it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from resolvers.operation import Operation
from tests.detokenize.house import House, caller, house, project, token

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = yaml.safe_load((HERE / "lookups.yaml").read_text("utf-8"))
GOLDENS = [case for case in CASES if case["name"] in ("with the right", "rows that another grant gives are no right")]
LOOK_UP = "query ($token: String!) { found: bookingsDetokenize(column: %s, token: $token) }"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("tokens") / "project")


@pytest.fixture
async def open_house(folder: Path) -> AsyncIterator[House]:
    async with house(folder) as opened:
        yield opened


def asked(case: dict[str, Any]) -> str:
    zone = case.get("made in", case.get("zone", "internal"))
    return case["token"] if "token" in case else token(case["of"], zone)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
async def test_a_look_up(case: dict[str, Any], open_house: House) -> None:
    await _check(case, open_house)


async def _check(case: dict[str, Any], open_house: House) -> None:
    who = caller(tuple(case["as"]), case.get("zone", "internal"))
    said = await open_house.ask(LOOK_UP % case["column"], who, {"token": asked(case)})
    if "answer" in case:
        assert said == {"data": {"found": case["answer"]}}, case["name"]
    else:
        assert [error["code"] for error in said["errors"]] == ["CH205"], case["name"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("database", ["postgres", "sqlite"])
async def test_every_look_up_on_other_databases(database: str, tmp_path: Path) -> None:
    async with house(project(tmp_path / "project", database)) as opened:
        for case in CASES:
            await _check(case, opened)


@pytest.mark.parametrize("roles", [("reader",), ("phones",), ()], ids=str)
async def test_a_right_that_is_not_there_reads_like_a_misspelt_name(roles: tuple[str, ...], open_house: House) -> None:
    """Field, type and enum value: nobody learns that tokens can be looked up, or in which column."""
    who = caller(roles)
    for real, unknown, text in (
        ("visitsDetokenize", "vizitsDetokenize", '{ %s(column: CARD, token: "x") }'),
        ("PASSPORT", "PASSPOXX", '{ bookingsDetokenize(column: %s, token: "x") }'),
        ("VisitTokenColumn", "VisitTokenColuxx", "query ($c: %s!) { bookings { totalCount } }"),
    ):
        one, two = await open_house.ask(text % real, who), await open_house.ask(text % unknown, who)
        assert "errors" in one
        assert str(one).replace(real, "_") == str(two).replace(unknown, "_")


async def test_the_schema_has_the_field_for_those_with_the_right_only(open_house: House) -> None:
    text = "{ __schema { queryType { fields { name } } types { name enumValues { name } } } }"
    for roles, there in ((("desk",), True), (("eu_desk",), True), (("reader",), False), ((), False)):
        said = str(await open_house.ask(text, caller(roles)))
        assert ("bookingsDetokenize" in said) is there
        assert ("BookingTokenColumn" in said) is there
        assert ("visitsDetokenize" in said) is (roles == ("desk",))
    columns = '{ __type(name: "BookingTokenColumn") { enumValues { name } } }'
    typed = await open_house.ask(columns, caller(("eu_desk",)))
    assert typed == {"data": {"__type": {"enumValues": [{"name": "PASSPORT"}]}}}


async def test_what_is_masked_for_all_is_found_again(open_house: House) -> None:
    """The tokens that one caller was shown are those that another looks up; equal values show as equal tokens."""
    shown = await open_house.ask("{ bookings { nodes { passport } } }", caller(("reader",)))
    tokens = [node["passport"] for node in shown["data"]["bookings"]["nodes"]]  # type: ignore[index]
    assert tokens[0] == tokens[2] != tokens[1]
    values = []
    for one in filter(None, tokens):
        said = await open_house.ask(LOOK_UP % "PASSPORT", caller(("desk",)), {"token": one})
        values.append(said["data"]["found"])  # type: ignore[index]
    assert values == ["P-100", "P-200", "P-100", "", "Zoë 😀"]


async def test_several_look_ups_in_one_request(open_house: House) -> None:
    text = (
        "query ($a: String!, $b: String!, $column: BookingTokenColumn!) {"
        " a: bookingsDetokenize(column: PASSPORT, token: $a)"
        " b: bookingsDetokenize(column: $column, token: $b) bookings { totalCount } }"
    )
    values = {"a": token("P-200"), "b": token("+49 7"), "column": "PHONE"}
    said = await open_house.ask(text, caller(("desk",)), values)
    assert said == {"data": {"a": "P-200", "b": "+49 7", "bookings": {"totalCount": 6}}}


async def test_a_minimum_group_refuses_look_ups_as_it_does_rows(open_house: House) -> None:
    said = await open_house.ask(f'{{ visitsDetokenize(column: CARD, token: "{token("C-1")}") }}', caller(("desk",)))
    assert [error["code"] for error in said["errors"]] == ["CH451"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("case", GOLDENS, ids=lambda case: case["name"])
async def test_golden(case: dict[str, Any], open_house: House) -> None:
    who, text = caller(tuple(case["as"])), LOOK_UP % case["column"]
    prepared = open_house.zones["internal"].prepare(Operation("graphql", text, {"token": asked(case)}), who)
    (fetch,) = prepared.ready.plan.steps
    binds = ", ".join(slot.name for slot in fetch.statement.params)
    said = f"# {case['name']}, as {', '.join(case['as'])}\n{text}\n\n-- {binds}\n{fetch.statement.text}\n"
    golden = HERE / "golden" / f"{case['name'].replace(' ', '-')}.txt"
    if os.environ.get("CUSTOMHOUSE_GOLDENS") == "write":
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(said)
    assert said == golden.read_text()

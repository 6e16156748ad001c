"""A model never tells what a mask hides.

It is given what the caller sees; where a steward gives it more for a purpose, what it says is masked like what it was
given, until it is declassified by name.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.features.house import OTHER, ROOT, STAFF, House

AUDIT = replace(STAFF, purpose="audit", digest="staff for audit")
COST = "{flights(where:{id:{in:[1,2,3]}}){nodes{fare cost{doubled rank}}}}"


@pytest.fixture(params=["internal", "partner"])
def zone(request: pytest.FixtureRequest) -> str:
    """Partners are told no more."""
    return str(request.param)


def nodes(body: dict[str, object]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = body["data"]["flights"]["nodes"]  # type: ignore[index]
    return found


async def test_two_rows_with_one_mask_have_one_score(zone: str, tmp_path: Path) -> None:
    """Fares of 120 and 180 are both 100 to staff, so no score tells them apart, however it is asked."""
    asked = (
        "{flights(where:{id:{in:[1,2]}}){nodes{risk{probability label} cost{doubled rank} second{said}}}}",
        "{flights(where:{id:{in:[1,2]}, risk:{probability:{gt:0.1625}}}){nodes{id}}}",
        "{flights(where:{id:{in:[1,2]}, cost:{doubled:{gt:200}}}){nodes{id}}}",
    )
    async with House.made(tmp_path / "p", zone=zone) as house:
        one, two = nodes(await house.ask(asked[0], STAFF))
        assert one == two
        for query in asked[1:]:
            assert nodes(await house.ask(query, STAFF)) == []
        order = "{flights(where:{id:{in:[1,2]}}, orderBy:[{risk:{probability:%s}}]){nodes{id}}}"
        assert nodes(await house.ask(order % "ASC", STAFF)) == nodes(await house.ask(order % "DESC", STAFF))


async def test_without_the_purpose_inputs_are_what_the_caller_sees(zone: str, tmp_path: Path) -> None:
    async with House.made(tmp_path / "p", zone=zone) as house:
        assert nodes(await house.ask(COST, STAFF)) == [
            {"fare": 100.0, "cost": {"doubled": 200.0, "rank": "low"}},
            {"fare": 100.0, "cost": {"doubled": 200.0, "rank": "low"}},
            {"fare": 200.0, "cost": {"doubled": 400.0, "rank": "low"}},
        ]
        assert {key for keys in house.scorer.asked("ml.cost") for key in keys} == {(100.0,), (200.0,)}


async def test_for_the_purpose_inputs_are_raw_and_outputs_masked_like_them(zone: str, tmp_path: Path) -> None:
    """``doubled`` has the tag of the fare and its mask: steps of 100. ``rank`` was declassified, and tells that the
    third fare is over 200, which its mask hides."""
    async with House.made(tmp_path / "p", zone=zone) as house:
        assert nodes(await house.ask(COST, AUDIT)) == [
            {"fare": 100.0, "cost": {"doubled": 200.0, "rank": "low"}},
            {"fare": 100.0, "cost": {"doubled": 300.0, "rank": "low"}},
            {"fare": 200.0, "cost": {"doubled": 500.0, "rank": "high"}},
        ]
        assert {key for keys in house.scorer.asked("ml.cost") for key in keys} == {(120.0,), (180.0,), (250.0,)}


async def test_a_filter_sees_the_masked_output(zone: str, tmp_path: Path) -> None:
    """360 is shown as 300: no bisection gets between the steps."""
    async with House.made(tmp_path / "p", zone=zone) as house:
        query = "{flights(where:{id:{eq:2}, cost:{doubled:{%s}}}){nodes{id}}}"
        assert nodes(await house.ask(query % "gt:300", AUDIT)) == []
        assert nodes(await house.ask(query % "eq:300", AUDIT)) == [{"id": "2"}]


async def test_a_denied_column_is_given_to_no_model(zone: str, tmp_path: Path) -> None:
    """Also for the purpose: raw values stand in place of masked ones, never of denied ones."""
    deny = "denies:\n  - {name: no-fares, on: {column: ops.flights.fare}, when: \"'staff' IN claims.roles\"}\n"
    async with House.made(tmp_path / "p", zone=zone, policies=deny) as house:
        query = "{flights(where:{id:{in:[1,2,3]}}){nodes{id cost{doubled}}}}"
        assert [row["cost"] for row in nodes(await house.ask(query, AUDIT))] == [None, None, None]
        assert house.scorer.calls == []


async def test_a_column_that_is_not_granted_is_no_input(zone: str, tmp_path: Path) -> None:
    """Staff do not know of gates; the model that takes one is told of none."""
    async with House.made(tmp_path / "p", zone=zone) as house:
        await house.ask("{flights{nodes{second{said}}}}", STAFF)
        assert {key[1] for keys in house.scorer.asked("ml.second") for key in keys} == {None}
        house.scorer.calls.clear()
        await house.ask("{flights{nodes{second{said}}}}", ROOT)
        assert {key[1] for keys in house.scorer.asked("ml.second") for key in keys} == {"A1", "A2", "B1", "C1"}


async def test_features_that_are_not_seen_are_no_input(zone: str, tmp_path: Path) -> None:
    """The other airline's people see no features of the route to Houston, so neither does their model."""
    async with House.made(tmp_path / "p", zone=zone) as house:
        await house.ask("{flights(where:{id:{eq:1}}){nodes{risk{label}}}}", OTHER)
        assert house.scorer.asked("ml.risk") == [((1400.0, 100.0, None),)]

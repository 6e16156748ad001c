"""What sources are asked: in batches, each key once, never for what was given before, and for whom."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from resolvers.backends.backend import Deadline
from resolvers.lookups.calls import Calls
from resolvers.operation import Operation
from schema.caller import ClaimValue
from schema.catalog import Place, Source
from tests.engine.house import caller
from tests.features.house import OTHER, ROOT, STAFF, House


async def test_a_page_costs_a_call_for_each_batch_of_different_keys(tmp_path: Path) -> None:
    """Six flights over three routes (one has none): one call of three keys, where the store takes three."""
    async with House.made(tmp_path / "p") as house:
        await house.ask("{flights{nodes{id routeFeatures{meanDelay}}}}", ROOT)
        assert [sorted(keys) for keys in house.store.asked("features.route_delays")] == [
            [("EWR", "IAH"), ("JFK", "MIA"), ("LGA", "ORD")]
        ]


async def test_more_keys_than_a_batch_are_several_calls_side_by_side(tmp_path: Path) -> None:
    async with House.made(tmp_path / "p") as house:
        house.store.size, house.store.gate = 2, asyncio.Event()
        asking = asyncio.create_task(house.ask("{flights{nodes{id routeFeatures{meanDelay}}}}", ROOT))
        while len(house.store.calls) < 2:
            await asyncio.sleep(0)
        house.store.gate.set()
        assert "errors" not in await asking
        assert sorted(len(keys) for keys in house.store.asked("features.route_delays")) == [1, 2]


async def test_one_key_is_asked_once_however_often_it_stands_in_an_answer(tmp_path: Path) -> None:
    """Twice as a field, once under another table, and as an input of two models."""
    query = """{flights{nodes{
      a: routeFeatures{meanDelay} b: routeFeatures{flights} route{features{carrier}} risk{label} farRisk{label}}}}"""
    async with House.made(tmp_path / "p") as house:
        await house.ask(query, ROOT)
        asked = [key for keys in house.store.asked("features.route_delays") for key in keys]
        assert len(asked) == len(set(asked)) == 3


async def test_equal_inputs_are_scored_once(tmp_path: Path) -> None:
    """To staff, flights 1 and 2 have the same fare, so the same inputs: three scorings for six flights."""
    async with House.made(tmp_path / "p") as house:
        await house.ask("{flights{nodes{id risk{probability}}}}", STAFF)
        assert len([key for keys in house.scorer.asked("ml.risk") for key in keys]) == 3


async def test_what_a_deterministic_model_gave_is_kept_for_the_inputs_it_had(tmp_path: Path) -> None:
    """Nobody is given another's scoring: it is known by its inputs, and they are what each caller sees."""
    query = "{flights{nodes{id risk{probability} cost{doubled}}}}"
    async with House.made(tmp_path / "p") as house:
        first = await house.ask(query, STAFF)
        asked = len(house.scorer.asked("ml.risk"))
        assert await house.ask(query, STAFF) == first
        assert len(house.scorer.asked("ml.risk")) == asked
        assert len(house.scorer.asked("ml.cost")) == 2 * 2  # it does not say that it is deterministic
        other = await house.ask(query, OTHER)
        assert other != first
        assert await house.ask(query, STAFF) == first


async def test_a_scoring_is_kept_no_longer_than_its_freshness(tmp_path: Path) -> None:
    query = "{flights{nodes{id risk{probability}}}}"
    async with House.made(tmp_path / "p") as house:
        await house.ask(query, STAFF)
        kept, asked = house.engine.kept_rows, len(house.scorer.asked("ml.risk"))
        kept.clock = lambda: float("inf")
        await house.ask(query, STAFF)
        assert len(house.scorer.asked("ml.risk")) == 2 * asked


async def test_the_missing_and_the_unseen_cost_the_same_calls(tmp_path: Path) -> None:
    """Who may see no row of the features asks for the same keys as who sees some."""
    query = "{flights{nodes{id routeFeatures{status meanDelay}}}}"
    async with House.made(tmp_path / "p") as house:
        asked = []
        for who in (ROOT, STAFF, OTHER):
            house.store.calls.clear()
            await house.ask(query, who)
            asked.append([keys for _, keys, _ in house.store.calls])
        assert asked[0] == asked[1] == asked[2]


async def test_a_source_that_asks_for_session_tags_is_told_whom_it_answers(tmp_path: Path) -> None:
    async with House.made(
        tmp_path / "p", settings=(("store: {kind", "store: {session: {squad: team}, kind"),)
    ) as house:
        await house.ask("{flights{nodes{id routeFeatures{status}}}}", STAFF)
        await house.ask("{flights{nodes{id routeFeatures{status}}}}", ROOT)
        assert [call.session for _, _, call in house.store.calls] == [(("squad", "ops"),), (("squad", "risk"),)]


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (True, (("squad", "true"),)),
        (False, (("squad", "false"),)),
        (7, (("squad", "7"),)),
        ("Ops", (("squad", "Ops"),)),
        (("ops",), ()),
        (None, ()),
    ],
)
def test_claims_as_session_tags(value: ClaimValue | None, tags: tuple[tuple[str, str], ...]) -> None:
    source = Source("store", "dynamodb", "", Place("test"), session={"squad": "team"})
    who = caller() if value is None else caller(team=value)
    assert Calls({"store": source}, who, Deadline.after(1)).to("store").session == tags


async def test_calls_carry_the_id_of_their_request(tmp_path: Path) -> None:
    async with House.made(tmp_path / "p") as house:
        text = "{flights{nodes{id risk{label}}}}"
        for id_ in ("one", "two"):
            await house.engine.answer(Operation("graphql", text, request_id=id_), ROOT)
        assert [call.request_id for _, _, call in house.store.calls] == ["one", "two"]
        assert {call.request_id for _, _, call in house.scorer.calls[:1]} == {"one"}


async def test_who_leaves_takes_the_calls_along(tmp_path: Path) -> None:
    async with House.made(tmp_path / "p") as house:
        house.store.gate = asyncio.Event()
        operation = Operation("graphql", "{flights{nodes{id routeFeatures{status}}}}")
        asking = asyncio.create_task(house.engine.answer(operation, ROOT))
        while not house.store.calls:
            await asyncio.sleep(0.001)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.sleep(0)
        assert house.store.cancelled == 1


async def test_a_filter_over_too_many_rows_is_refused_and_never_cut(tmp_path: Path) -> None:
    """Here eight rows may be looked at."""
    more = ", ".join(f"({id_}, 'UA', 'EWR', 'R{id_}', 'N1', 1000, {id_}, NULL)" for id_ in range(10, 16))
    statement = f"INSERT INTO flights VALUES {more}"
    by_route = "{flights(where:{routeFeatures:{meanDelay:{gt:0}}%s}){nodes{id}}}"
    by_score = "{flights(where:{risk:{probability:{gt:0.15}}%s}){nodes{id}}}"
    async with House.made(tmp_path / "p", more=(statement,)) as house:
        for query in (by_route, by_score):
            body = await house.ask(query % "", ROOT)
            assert body["data"] == {"flights": None}
            assert [error["extensions"]["code"] for error in body["errors"]] == ["CH604"]  # type: ignore[attr-defined]
            narrow = await house.ask(query % ", id:{lt:10}", ROOT)
            assert narrow == {"data": {"flights": {"nodes": [{"id": "1"}, {"id": "2"}]}}}


async def test_links_of_too_many_related_rows_are_refused_too(tmp_path: Path) -> None:
    rows = ", ".join(f"('X{number}', {number}, 'BOEING')" for number in range(9))
    query = "{flights(where:{plane:{seats:{gte:0}}}){nodes{id}}}"
    async with House.made(tmp_path / "p", fleet_more=(f"INSERT INTO planes VALUES {rows}",)) as house:
        body = await house.ask(query, ROOT)
        assert [error["extensions"]["code"] for error in body["errors"]] == ["CH604"]  # type: ignore[attr-defined]

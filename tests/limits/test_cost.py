"""What operations may cost and did cost: cost.yaml, weights of the catalog, and the work that an estimate is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse

from resolvers import written
from resolvers.frontends.graphql.cost import Walk
from resolvers.frontends.graphql.document import Document
from resolvers.frontends.graphql.frontend import GraphQLFrontEnd
from resolvers.operation import Operation
from schema.catalog import Catalog, FeatureView, Model
from schema.graphql import build
from schema.graphql.vocabulary import everything
from schema.limits import Limits
from tests.engine.house import House, caller, place
from tests.engine.test_partitions import TABLES
from tests.graphql.asking import CATALOG, VISIBLE
from tests.graphql.catalog import ZONE
from tests.graphql.test_graphql_limits import bomb, nested_bomb

CASES = yaml.safe_load(Path(__file__).with_name("cost.yaml").read_text(encoding="utf-8"))


def read(text: str, catalog: Catalog = CATALOG) -> Document:
    found = GraphQLFrontEnd(catalog, ZONE).read(text, None, VISIBLE, exactly=True)
    assert isinstance(found, Document)
    return found


def estimated(text: str, variables: Mapping[str, object] | None = None, catalog: Catalog = CATALOG) -> int:
    document = read(text, catalog)
    return document.estimate.of(document.coerce(variables or {}))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    document = read(case["query"])
    values = document.coerce(case.get("variables", {}))
    assert document.estimate.of(values) == case["estimated"]
    assert document.estimate.of(values) == case["estimated"]  # once more, as it is kept
    if "data" in case:
        assert document.cost(values, case["data"]) == case["actual"]
        assert case["actual"] <= case["estimated"]


def test_literals_that_are_shared_cost_the_same() -> None:
    """The document of a text without its literals still knows its page sizes and keys."""
    text = '{ planes(first: 7, where: {model: {eq: "A320"}}) { nodes { model } } plane(tailnum: "N1") { model } }'
    frontend = GraphQLFrontEnd(CATALOG, ZONE)
    for one in (text, text.replace("A320", "A321")):
        document = frontend.read(one, None, VISIBLE)
        assert not isinstance(document, Document)
        assert document.estimate.of(document.coerce({})) == 9


def _weighed(**costs: int | None) -> Catalog:
    """The catalog with costs of planes, of the way from flights to their plane and back, and of a plane's model."""
    flights, planes = CATALOG.products["operations.flights"], CATALOG.products["operations.planes"]
    plane, back = flights.relationships["plane"], planes.relationships["flights"]
    flights = replace(
        flights, relationships={**flights.relationships, "plane": replace(plane, cost=costs.get("plane"))}
    )
    planes = replace(
        planes,
        cost=costs.get("planes"),
        columns={**planes.columns, "model": replace(planes.columns["model"], cost=costs.get("model"))},
        relationships={"flights": replace(back, cost=costs.get("flights"))},
    )
    return replace(CATALOG, products={**CATALOG.products, flights.id: flights, planes.id: planes})


WEIGHED: dict[str, tuple[dict[str, int | None], str, int]] = {
    "rows": ({"planes": 5}, "{ planes(first: 3) { nodes { seats } } }", 1 + 3 * 5),
    "rows that cost nothing": ({"planes": 0}, "{ planes(first: 3) { nodes { seats } } }", 1),
    "values": ({"model": 7}, "{ planes(first: 3) { nodes { model seats } } }", 1 + 3 * 8),
    "a way to one": ({"plane": 4, "planes": 9}, "{ flights(first: 2) { nodes { plane { seats } } } }", 1 + 2 * 5),
    "a way to many": ({"flights": 6}, "{ planes(first: 2) { nodes { flights(first: 3) { nodes { id } } } } }", 21),
    "figures": ({"flights": 60}, "{ planes(first: 2) { nodes { flightsAggregate { count } } } }", 1 + 2 * 61),
    "figures never less": ({"flights": 6}, "{ planes(first: 2) { nodes { flightsAggregate { count } } } }", 23),
}


@pytest.mark.parametrize("name", WEIGHED)
def test_the_catalog_weighs(name: str) -> None:
    costs, text, cost = WEIGHED[name]
    catalog = _weighed(**costs)
    assert estimated(text, catalog=catalog) == cost
    assert build(catalog, ZONE).costed != build(CATALOG, ZONE).costed


def test_features_and_scorings_cost_more() -> None:
    planes = CATALOG.products["operations.planes"]
    text = "{ flights(first: 10) { nodes { plane { seats } } } }"
    kinds = {
        None: planes,
        "features": replace(planes, features=FeatureView()),
        "model": replace(planes, model=Model("1", ("tailnum",), ("model", "seats"))),
    }
    found = {
        kind: estimated(text, catalog=replace(CATALOG, products={**CATALOG.products, planes.id: product}))
        for kind, product in kinds.items()
    }
    assert found == {None: 21, "features": 31, "model": 111}


@pytest.mark.parametrize("spreads", [2, 10])
def test_the_work_is_that_of_the_text_and_not_of_what_it_expands_to(spreads: int) -> None:
    """Counted in selections that are looked at, each once; the cost itself is that of the expansion."""
    for text in (bomb(60, spreads), nested_bomb(60)):
        document = parse(text)
        fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        (operation,) = (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
        walk = Walk(fragments, build(CATALOG, ZONE).view(everything(CATALOG, ZONE)), {})
        assert walk.operation(operation) > 2**60
        assert walk.visits <= text.count("...") + text.count("{") + text.count(" totalCount") + text.count(" model")


def test_an_estimate_is_made_once_for_each_size(monkeypatch: pytest.MonkeyPatch) -> None:
    document = read(
        "query ($n: Int, $t: String!) { planes(first: $n) { nodes { model } } plane(tailnum: $t) { model } }"
    )
    assert (document.estimate.names, document.estimate.fixed) == (("n",), None)
    walks: list[object] = []
    monkeypatch.setattr(Walk, "operation", lambda self, node: walks.append(self) or len(walks))
    for sizes, made in (((3, 3, 3), 1), ((3, 4, 3), 2), ((5, None, 5), 4)):
        for size in sizes:
            document.estimate.of(document.coerce({"n": size, "t": str(size)}))
        assert len(walks) == made


def test_what_no_variable_decides_is_known_at_once() -> None:
    assert read("query ($t: String!) { plane(tailnum: $t) { model } }").estimate.fixed == 1


def test_the_default_bound_lets_three_lists_through_only_where_they_are_short() -> None:
    """As the zone's own page of 100 rows would have it."""
    assert 1 + 100 * (2 + 100 * (2 + 100)) > Limits().cost > 1 + 100 * (2 + 100)


async def test_an_answer_that_is_too_long_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not asked for must not take several times the memory of an answer."""
    async with House.open(place("partitions", tmp_path / "p", "duckdb", TABLES)) as house:
        asked, who = Operation("graphql", "{ airports { nodes { code } } }", measured=True), caller(roles=("staff",))
        answer = await house.engine.answer(asked, who)
        assert answer.measure is not None
        assert 0 < await answer.measure() < answer.cost
        assert (await house.engine.answer(asked._replace(measured=False), who)).measure is None
        monkeypatch.setattr(written, "_MEASURED", len(answer.body) - 1)
        longer = await house.engine.answer(asked, who)
        assert (longer.body, longer.measure) == (answer.body, None)

"""The rows of an answer, as they are counted for quotas, are those that stand in it, whatever the engine wrote of it:
rows stitched from several statements, arrays of values, lists and objects that are passed on unread."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from app.project import load_project
from policies.account import Account
from resolvers.backends.registry import open_backend
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller
from tests.engine.house import ENGINES, filled
from tests.leak.house import FAR_FUTURE, KEYS, MINUTE
from tests.partners.house import PROJECT, SEED

ORDERS, CUSTOMERS = "sales.orders", "sales.customers"
CALLER = Caller("s", "i", "partner", {"partner": "agency", "region": "north"}, FAR_FUTURE, digest="d", partner="agency")
CASES = {
    "a list": ("{ orders { nodes { id } } }", {ORDERS: 12}),
    "a long list": ("{ orders(first: 900) { nodes { id } } }", {ORDERS: 12}),
    "a page": ("{ orders(first: 3) { nodes { id } pageInfo { hasNextPage } } }", {ORDERS: 3}),
    "the last page": ("{ orders(last: 3) { edges { cursor node { id } } } }", {ORDERS: 3}),
    "one": ("{ order(id: 4) { id } }", {ORDERS: 1}),
    "none": ("{ order(id: 77) { id customer { name } } }", {}),
    "hidden": ("{ order(id: 99) { id customer { name } } }", {}),
    "one of one": ("{ order(id: 4) { id customer { name } } }", {ORDERS: 1, CUSTOMERS: 1}),
    "one of each, and a null": ("{ orders { nodes { id customer { name } } } }", {ORDERS: 12, CUSTOMERS: 11}),
    "lists in a list": ("{ customers { nodes { name orders { nodes { id } } } } }", {CUSTOMERS: 4, ORDERS: 11}),
    "lists in a long list": (
        "{ customers(first: 900) { nodes { name orders { nodes { id } } } } }",
        {CUSTOMERS: 4, ORDERS: 11},
    ),
    "pages in a list": (
        "{ customers { nodes { name orders(first: 2) { nodes { id } pageInfo { endCursor } } } } }",
        {CUSTOMERS: 4, ORDERS: 8},
    ),
    "there and back": (
        "{ customers { nodes { name orders { nodes { id customer { name } } } } } }",
        {CUSTOMERS: 15, ORDERS: 11},
    ),
    "there and back by pages": (
        "{ customers { nodes { name orders(first: 2) { edges { cursor node { id customer { name } } } } } } }",
        {CUSTOMERS: 12, ORDERS: 8},
    ),
    "an aggregate": ("{ ordersAggregate { count sum { id } } }", {ORDERS: 1}),
    "an aggregate of nothing": ("{ ordersAggregate(where: {id: {eq: 77}}) { count } }", {ORDERS: 1}),
    "groups": ("{ ordersGroups(by: [{column: CUSTOMER_ID}]) { key { customerId } count } }", {ORDERS: 5}),
    "aggregates in a list": ("{ customers { nodes { name ordersAggregate { count } } } }", {CUSTOMERS: 4, ORDERS: 4}),
    "a total": ("{ orders(first: 1) { totalCount nodes { id } } }", {ORDERS: 2}),
    "twice": ("{ a: orders(first: 2) { nodes { id } } b: orders(first: 3) { nodes { id } } }", {ORDERS: 5}),
    "filtered": ('{ orders(where: {customer: {name: {eq: "Ana"}}}) { nodes { id } } }', {ORDERS: 2}),
    "no rows": ("{ __typename }", {}),
}


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    folder = Path(shutil.copytree(PROJECT, tmp_path / "p"))
    settings = folder / "customhouse.yaml"
    source = filled(folder, "shop", request.param, SEED)
    text = settings.read_text().replace("{kind: duckdb, url: shop.duckdb, location: eu-west-1}", source)
    settings.write_text(text.replace("operations: any", "exposure: internal"))
    project = load_project(folder)
    backends = {name: open_backend(one, one.url, folder) for name, one in project.catalog.sources.items()}
    yield Engine(project.catalog, project.policies, "partner", backends, KEYS, lambda: MINUTE)
    for backend in backends.values():
        await backend.close()


async def test_rows_are_those_of_the_answer(engine: Engine) -> None:
    async def before(account: Account, cost: int) -> None:
        """Rows are counted for whoever is told of the products."""

    found = {}
    for case, (query, _) in CASES.items():
        answer = await engine.answer(Operation("graphql", query), CALLER, before)
        assert "errors" not in orjson.loads(answer.body), case
        found[case] = dict(answer.rows)
    assert found == {case: wanted for case, (_, wanted) in CASES.items()}


async def test_products_are_told_before_a_source_is_asked(engine: Engine) -> None:
    """Those that are named, in filters too; and whoever objects keeps the source from being asked."""
    told: list[frozenset[str]] = []

    async def before(account: Account, cost: int) -> None:
        told.append(account.named)
        raise LookupError

    for query in ("{ orders { nodes { id } } }", '{ orders(where: {customer: {name: {eq: "Ana"}}}) { nodes { id } } }'):
        with pytest.raises(LookupError):
            await engine.answer(Operation("graphql", query), CALLER, before)
    assert told == [frozenset({ORDERS}), frozenset({ORDERS, CUSTOMERS})]

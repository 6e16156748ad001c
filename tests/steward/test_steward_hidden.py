"""What must not be told: the dictionary names nothing hidden, explanations hold no key and no other's claims."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from app.personas import load_personas
from app.project import Project, load_project
from app.steward.decisions import now
from app.steward.dictionary import dictionary_markdown, dictionary_of, whole_dictionary
from app.steward.explain import explain_json
from app.steward.explain_text import explain_text
from app.steward.papers import caller_of
from app.steward.policy_test import fixed_keys
from app.steward.sources import opened
from policies.visible import visible
from resolvers.engine import Engine
from resolvers.operation import Operation
from tests.steward.place import house

PERSONAS = ("boss", "sam", "dora", "lost", "carol", "nobody", "blank")
QUERY = """query ($id: BigInt) {
  customers(first: 2, where: {id: {gt: $id}}) { nodes { email name orders(first: 1) { nodes { amount } } } }
}"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return load_project(house(tmp_path_factory.mktemp("hidden"), databases=False))


def named(found: dict[str, object]) -> dict[str, set[str]]:
    products = found["products"]
    assert isinstance(products, list)
    return {product["id"]: {column["name"] for column in product["columns"]} for product in products}


@pytest.mark.parametrize("persona", PERSONAS)
def test_dictionary_names_what_is_visible(project: Project, persona: str) -> None:
    caller = caller_of(load_personas(project.root)[persona], project.catalog)
    names = visible(project.policies, project.catalog, caller, now(project.catalog, "internal"))
    found = dictionary_of(project, caller)
    assert named(found) == {product: set(columns) for product, columns in names.columns.items()}
    domains = found["domains"]
    assert isinstance(domains, list)
    assert {domain["name"] for domain in domains} == {product.split(".")[0] for product in names.columns}
    text = json.dumps(found) + dictionary_markdown(found)
    for product in project.catalog.products.values():
        if not names.product(product.id):
            assert product.id not in text
            assert product.description not in text
    if persona in ("sam", "dora"):
        assert "credit_margin" not in text
        assert "commercial" not in text
    for word in ("claims.", "policies/", "duckdb", "sqlite", "amount >", "tickets.Note"):
        assert word not in text


def test_whole_dictionary_has_everything(project: Project) -> None:
    assert named(whole_dictionary(project, "internal")) == {
        product.id: set(product.columns) for product in project.catalog.products.values()
    }


def explained(project: Project, persona: str, text: str, variables: dict[str, object]) -> dict[str, object]:
    async def run() -> dict[str, object]:
        caller = caller_of(load_personas(project.root)[persona], project.catalog)
        async with opened(project, live=False) as backends:
            engine = Engine(project.catalog, project.policies, "internal", backends, fixed_keys("internal"))
            return explain_json(engine, Operation("graphql", text, variables), caller)

    return asyncio.run(run())


def test_explanation_of_a_query(project: Project) -> None:
    found = explained(project, "sam", QUERY, {"id": "0"})
    products = found["products"]
    statements = found["statements"]
    assert isinstance(products, list)
    assert isinstance(statements, list)
    assert [product["product"] for product in products] == ["shop.customers", "shop.orders"]
    states = {column["column"]: column["state"] for column in products[0]["columns"]}
    assert states["email"] == "masked"
    assert states["name"] == "masked"
    assert [statement["source"] for statement in statements] == ["shop"]
    binds = {(bind["origin"], json.dumps(bind["value"])) for bind in statements[0]["binds"]}
    assert {("claim", '["north"]'), ("secret", '"<secret:token>"'), ("variable", "0")} <= binds


def test_explanation_over_two_sources(project: Project) -> None:
    found = explained(project, "boss", "{customers(first: 1) {nodes {id tickets {nodes {id}}}}}", {})
    statements = found["statements"]
    assert isinstance(statements, list)
    assert [one["source"] for one in statements] == ["shop", "desk"]
    assert statements[1]["after"] is not None
    assert "<key values of the parent rows>" in {bind["value"] for bind in statements[1]["binds"]}


def test_no_key_stands_in_an_explanation(project: Project) -> None:
    found = explained(project, "sam", QUERY, {"id": "0"})
    text = json.dumps(found) + explain_text(found)
    for key in fixed_keys("internal").values():
        for spelt in (key.hex(), base64.b64encode(key).decode(), str(key)):
            assert spelt not in text


def test_products_inside_a_view_are_told(project: Project) -> None:
    found = explained(project, "sam", "{byRegion {nodes {region orders}}}", {})
    products = found["products"]
    assert isinstance(products, list)
    rows = {product["product"]: product["rows"] for product in products}
    assert rows["shop.orders"] == "shop.orders, inside a view: rows limited by recent (policies/shop.yaml:8)"


def test_nothing_of_the_project_is_written(project: Project) -> None:
    """To explain opens no source and leaves no file behind."""
    before = sorted(Path(project.root).rglob("*"))
    explained(project, "sam", QUERY, {"id": "0"})
    assert sorted(Path(project.root).rglob("*")) == before

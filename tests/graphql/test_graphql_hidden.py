"""Hidden equals missing: hidden.yaml, asked where it is hidden and where it does not exist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from resolvers.frontends.graphql.frontend import GraphQLFrontEnd
from schema.catalog import Catalog
from schema.graphql.vocabulary import everything
from schema.visible import VisibleSet
from schema.zone import Published
from tests.graphql.asking import CATALOG, VISIBLE, ask, front_end, refused
from tests.graphql.catalog import HIDDEN_COLUMNS, HIDDEN_PRODUCTS, ZONE, visible
from tests.graphql.written import written

CASES = yaml.safe_load((Path(__file__).parent / "hidden.yaml").read_text())


def _missing() -> tuple[Catalog, VisibleSet]:
    """The catalog without what is hidden in the other one."""
    products = {}
    for product in CATALOG.products.values():
        if product.id in HIDDEN_PRODUCTS:
            continue
        hidden = HIDDEN_COLUMNS.get(product.id, set())
        columns = {name: column for name, column in product.columns.items() if name not in hidden}
        related = {name: to for name, to in product.relationships.items() if to.target not in HIDDEN_PRODUCTS}
        products[product.id] = replace(product, columns=columns, relationships=related)
    catalog = replace(CATALOG, products=products)
    return catalog, visible(catalog)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hidden_equals_missing(case: str | dict[str, object]) -> None:
    query, variables = (case, {}) if isinstance(case, str) else (str(case["query"]), case["variables"])
    catalog, seen = _missing()
    hidden = _answer(front_end(), query, variables, VISIBLE)
    missing = _answer(GraphQLFrontEnd(catalog, ZONE), query, variables, seen)
    assert hidden == missing
    asks_for_more_than_names = "__" in query or "node(" in query
    assert asks_for_more_than_names or hidden.startswith("[{'code': 'CH205'")


def _answer(frontend: GraphQLFrontEnd, query: str, variables: object, seen: VisibleSet) -> str:
    assert isinstance(variables, dict)
    errors = refused(frontend, query, variables, seen=seen)
    return str(errors) if errors else written(ask(frontend, query, variables, seen=seen))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_a_zone_does_not_show_equals_missing(case: str | dict[str, object]) -> None:
    """The same for partners, whom nothing is suggested to: here the zone hides it, not a grant."""
    query, variables = (case, {}) if isinstance(case, str) else (str(case["query"]), case["variables"])
    answers = []
    for catalog in (_shown_to_partners(CATALOG), _shown_to_partners(_missing()[0])):
        seen = replace(everything(catalog, ZONE), suggests=False)
        answers.append(_answer(GraphQLFrontEnd(catalog, ZONE), query, variables, seen))
    assert answers[0] == answers[1]
    assert "Did you mean" not in answers[0]
    assert "__" in query or "node(" in query or answers[0].startswith("[{'code': 'CH205', ")


def _shown_to_partners(catalog: Catalog) -> Catalog:
    published = {
        id_: Published(withheld=frozenset(HIDDEN_COLUMNS.get(id_, set())))
        for id_ in catalog.products
        if id_ not in HIDDEN_PRODUCTS
    }
    zone = replace(catalog.zones[ZONE], exposure="partner", products=frozenset(published), published=published)
    return replace(catalog, zones={ZONE: zone})


def test_the_one_error_stands_alone() -> None:
    errors = refused(front_end(), "{ secrets { nope } flights(first: true) { nodes } other }")
    assert [error["code"] for error in errors] == ["CH205"]


def test_suggestions_name_only_what_is_visible() -> None:
    for query in (
        "{ secretss { a } }",
        "{ flights { nodes { gateCodes } } }",
        "{ flights(where: {secrete: {}}) { totalCount } }",
    ):
        (error,) = refused(front_end(), query)
        assert "secret" not in str(error["hint"]) and "gateCode" not in str(error["hint"])


def test_a_view_is_kept_per_set_of_visible_names() -> None:
    frontend = front_end()
    most = visible(replace(CATALOG, products={**CATALOG.products}))
    other = replace(most, digest="other", columns={**most.columns, "operations.planes": frozenset({"seats"})})
    assert refused(frontend, "{ planes { nodes { model } } }", seen=most) == []
    assert [e["code"] for e in refused(frontend, "{ planes { nodes { model } } }", seen=other)] == ["CH205"]
    assert refused(frontend, "{ planes { nodes { model } } }", seen=most) == []

"""The generated schema: its text is a golden, its lazy and whole forms agree, and what is empty is not there."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from graphql import (
    GraphQLSchema,
    is_scalar_type,
    lexicographic_sort_schema,
    parse,
    print_schema,
    validate,
    validate_schema,
)

from resolvers.frontends.graphql.frontend import GraphQLFrontEnd
from schema.catalog import Catalog
from schema.graphql import build
from schema.graphql.vocabulary import MAKERS, everything
from schema.names import camel
from schema.query import Literal_
from schema.visible import VisibleSet
from schema.zone import Zone
from tests.graphql.asking import CATALOG, VISIBLE, ask, front_end, refused
from tests.graphql.catalog import FLIGHTS, HERE, PLANES, ZONE, columns, related

GOLDEN = Path(__file__).parent / "schema.graphql"


def _only(*products: object, **zone: object) -> Catalog:
    kept = {p.id: p for p in products}  # type: ignore[attr-defined]
    return replace(CATALOG, products=kept, zones={ZONE: Zone(ZONE, (), HERE, **zone)})  # type: ignore[arg-type]


def test_the_schema_of_one_product_is_its_golden() -> None:
    product = replace(PLANES, relationships={}, owner="Ops <ops@example.org>", description="Planes that fly.")
    tail = replace(product.columns["tailnum"], tags=frozenset({"pii.plane"}))
    sdl = build(_only(replace(product, columns={**product.columns, "tailnum": tail})), ZONE).sdl
    if os.environ.get("CUSTOMHOUSE_GOLDENS") == "write":
        GOLDEN.write_text(sdl)
    assert sdl == GOLDEN.read_text()


def test_strawberry_and_the_view_of_everything_are_the_same_schema() -> None:
    zone = build(CATALOG, ZONE)
    assert validate_schema(zone.graphql) == []
    whole = zone.view(everything(CATALOG, ZONE)).whole
    known = [one for one in whole.directives if one.name not in ("cost", "listSize")]
    assert len(known) == len(whole.directives) - 2  # the view also defines what its text says of costs
    assert _spelt(zone.graphql) == _spelt(GraphQLSchema(**{**whole.to_kwargs(), "directives": known}))  # type: ignore[arg-type]


def _spelt(schema: GraphQLSchema) -> str:
    """The schema sorted, without directives: strawberry keeps @oneOf as a definition of its own."""
    lines = print_schema(lexicographic_sort_schema(schema)).splitlines()
    return "\n".join(line.replace(" @oneOf", "") for line in lines if not line.startswith("directive "))


def test_the_whole_view_is_valid_and_holds_only_names_of_the_vocabulary() -> None:
    view = build(CATALOG, ZONE).view(VISIBLE)
    schema = GraphQLSchema(query=view.schema.query_type, types=list(view.whole.type_map.values()))
    assert validate_schema(schema) == []
    named = {
        name for name, type_ in view.whole.type_map.items() if not name.startswith("__") and not is_scalar_type(type_)
    }
    assert named <= set(view.vocabulary.names())
    assert {"Query", "Flight", "PlaneWhere", "ThingAddressGeo"} <= named


def test_validation_makes_only_the_types_it_looks_at() -> None:
    view = build(CATALOG, ZONE).view(VISIBLE)
    assert validate(view.schema, parse("{ planes { nodes { model } } }")) == []
    assert "PlaneHaving" not in dict.keys(view.schema.type_map)
    assert view.schema.get_type("PlaneHaving") is not None


def test_what_would_be_empty_is_not_there() -> None:
    bare = replace(
        PLANES, columns=columns(tailnum="string -filterable -sortable -groupable", doc="json"), relationships={}
    )
    view = build(_only(bare), ZONE).view(everything(_only(bare), ZONE))
    query = view.type("Query")
    aggregate = view.type("PlaneAggregate")
    assert query is not None and aggregate is not None
    assert list(query.fields) == ["plane", "planes", "planesAggregate", "node"]
    assert "orderBy" not in query.fields["planes"].arguments
    assert list(aggregate.fields) == ["count", "min", "max"]
    assert [view.type(f"Plane{suffix}") for suffix in ("OrderBy", "Column", "GroupBy", "Having", "Sums")] == [None] * 5
    where = view.type("PlaneWhere")
    assert where is not None and list(where.fields) == ["and", "or", "not", "doc"]
    assert validate_schema(GraphQLSchema(query=view.schema.query_type, types=list(view.whole.type_map.values()))) == []


def test_without_a_key_column_there_is_no_look_up_by_key() -> None:
    seen = replace(VISIBLE, digest="keyless", columns={**VISIBLE.columns, "customers.bookings": frozenset({"seat"})})
    (error,) = refused(front_end(), '{ booking(flightId: 1, seat: "1A") { seat } }', seen=seen)
    assert error["code"] == "CH205"
    assert refused(front_end(), "{ bookings { nodes { nodeId seat } } }", seen=seen) == []


def test_figures_that_a_source_cannot_give_are_left_out() -> None:
    zone = build(CATALOG, ZONE, {"lake": frozenset({"percentile", "stddev"})})
    for name in ("FlightAggregate", "FlightGroup", "FlightHaving", "FlightGroupOrderBy"):
        type_ = zone.view(VISIBLE).type(name)
        assert type_ is not None
        assert not {"percentile", "stddev"} & set(type_.fields)


def test_two_types_of_one_name_are_refused() -> None:
    clash = replace(FLIGHTS, id="operations.other", type_name="PlaneWhere", relationships={})
    try:
        build(_only(PLANES, clash), ZONE)
    except ValueError as error:
        assert "'PlaneWhere'" in str(error)
    else:
        raise AssertionError("two types called PlaneWhere were built")


def test_the_loader_knows_every_suffix() -> None:
    from schema.load_names import TYPE_SUFFIXES

    assert set(MAKERS) - {""} <= set(TYPE_SUFFIXES)


def test_a_long_chain_of_products_can_be_introspected() -> None:
    """graphql-core follows types by recursion; 400 products, each related to the next, would be too deep for it."""
    products = []
    for n in range(400):
        id_, after = f"operations.p{n}", f"operations.p{(n + 1) % 400}"
        product = replace(
            PLANES,
            id=id_,
            name=f"p{n}",
            type_name=f"P{n}",
            singular=f"p{n}",
            plural=f"p{n}s",
            columns=columns(tailnum="string -sortable -groupable"),
            relationships={"next": related(id_, "next", after, "tailnum", "tailnum", many=True)},
        )
        products.append(product)
    catalog = _only(*products)
    frontend = GraphQLFrontEnd(catalog, ZONE)
    query = ask(frontend, "{ __schema { types { name } } }", seen=everything(catalog, ZONE))
    (schema,) = query.shape
    assert isinstance(schema, Literal_)
    assert {"P0", "P399", "P399Where"} <= {type_["name"] for type_ in schema.value["types"]}  # type: ignore[index]


def test_unknown_names_leave_nothing_behind() -> None:
    view = build(CATALOG, ZONE).view(VISIBLE)
    before = len(view.schema.type_map)
    assert [view.schema.get_type(f"Nope{n}") for n in range(50)] == [None] * 50
    assert "nope" not in view.schema.query_type.fields  # type: ignore[union-attr]
    assert len(view.schema.type_map) == before


def test_a_thousand_products_are_ready_at_once() -> None:
    """Counted in types made, not in time: building makes none, and a request makes those it names."""
    products = [
        replace(PLANES, id=f"operations.p{n}", name=f"p{n}", type_name=f"P{n}", singular=f"p{n}", plural=f"p{n}s",
                columns=columns(**{"tailnum": "string", **{f"c_{i}": "integer" for i in range(20)}}), relationships={})
        for n in range(1000)
    ]  # fmt: skip
    catalog = _only(*products)
    view = build(catalog, ZONE).view(everything(catalog, ZONE))
    text = "{ p7s(where: {c1: {gt: 1}}) { nodes { " + camel("c_2") + " } } }"
    assert validate(view.schema, parse(text)) == []
    made = [name for name in dict.keys(view.schema.type_map) if name.startswith("P") and name != "PageInfo"]
    assert len(made) < 30
    assert isinstance(everything(catalog, ZONE), VisibleSet)

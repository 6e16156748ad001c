"""A small catalog for the GraphQL cases: flights, planes and bookings, and every type of value."""

from __future__ import annotations

from dataclasses import replace

from schema.catalog import Catalog, Column, Domain, Product, Relationship
from schema.errors import Place
from schema.names import camel
from schema.types import parse_type
from schema.visible import VisibleSet
from schema.zone import Zone

HERE = Place("catalog.yaml")
ZONE = "internal"


def columns(**types: str) -> dict[str, Column]:
    """Columns by name; a type may be followed by flags that are off, such as ``string -filterable``."""
    found = {}
    for name, spelt in types.items():
        type_, *off = spelt.split(" -")
        column = Column(name, parse_type(type_), HERE, camel(name), name, f"The {name}.")
        found[name] = replace(column, **dict.fromkeys(off, False))  # type: ignore[arg-type]
    return found


def related(owner: str, name: str, target: str, here: str, there: str, many: bool = False) -> Relationship:
    return Relationship(
        f"{owner}.{name}", name, camel(name), owner, target, "many" if many else "one", ((here, there),), HERE
    )


FLIGHTS = Product(
    "operations.flights",
    "operations",
    "flights",
    "lake",
    ("id",),
    columns(
        id="bigint",
        carrier="string",
        tailnum="string",
        dep_delay="integer",
        air_time="float",
        fare="decimal(10,2)",
        is_late="boolean",
        day="date",
        time_hour="timestamp",
        gate_code="string -filterable -sortable -groupable",
    ),
    {
        "plane": related("operations.flights", "plane", "operations.planes", "tailnum", "tailnum"),
        "bookings": related("operations.flights", "bookings", "customers.bookings", "id", "flight_id", many=True),
    },
    HERE,
    "Flight",
    "flight",
    "flights",
    physical=("flights",),
    description="Departures from New York.",
    owner="Ops <ops@example.org>",
    tags=frozenset({"operational"}),
)

PLANES = Product(
    "operations.planes",
    "operations",
    "planes",
    "lake",
    ("tailnum",),
    columns(tailnum="string", model="string", seats="integer"),
    {"flights": related("operations.planes", "flights", "operations.flights", "tailnum", "tailnum", many=True)},
    HERE,
    "Plane",
    "plane",
    "planes",
    physical=("planes",),
)

BOOKINGS = Product(
    "customers.bookings",
    "customers",
    "bookings",
    "lake",
    ("flight_id", "seat"),
    columns(flight_id="bigint", seat="string", email="string", fare="decimal(10,2)"),
    {"flight": related("customers.bookings", "flight", "operations.flights", "flight_id", "id")},
    HERE,
    "Booking",
    "booking",
    "bookings",
    physical=("bookings",),
)

THINGS = Product(
    "customers.things",
    "customers",
    "things",
    "lake",
    ("ref",),
    columns(
        ref="uuid",
        at="datetime",
        clock="time",
        span="interval",
        blob="bytes",
        doc="json",
        words="array<string>",
        address="struct<street: string, zip_code: string, geo: struct<lat: float, lon: float>>",
        parts="array<struct<name: string, amount: integer>>",
        matrix="array<array<integer>>",
    ),
    {},
    HERE,
    "Thing",
    "thing",
    "things",
    physical=("things",),
)

SECRETS = replace(
    PLANES,
    id="customers.secrets",
    domain="customers",
    name="secrets",
    type_name="Secret",
    singular="secret",
    plural="secrets",
    relationships={},
)


def catalog() -> Catalog:
    products = {product.id: product for product in (FLIGHTS, PLANES, BOOKINGS, THINGS, SECRETS)}
    products["operations.flights"] = replace(
        FLIGHTS,
        relationships={
            **FLIGHTS.relationships,
            "secret": related("operations.flights", "secret", "customers.secrets", "tailnum", "tailnum"),
        },
    )
    domains = {name: Domain(name, HERE, f"All of {name}.") for name in ("operations", "customers")}
    zones = {ZONE: Zone(ZONE, (), HERE, page_size=10, max_page_size=50, max_rows=1000)}
    return Catalog("v1", {}, domains, products, {}, {}, zones)


HIDDEN_COLUMNS = {"operations.flights": {"gate_code"}, "customers.bookings": {"email"}}
HIDDEN_PRODUCTS = {"customers.secrets"}


def visible(catalog: Catalog) -> VisibleSet:
    """All but the secrets, the gate codes and the e-mail addresses."""
    products = [p for p in catalog.published(ZONE) if p.id not in HIDDEN_PRODUCTS]
    known = {product.id for product in products}
    return VisibleSet(
        ZONE,
        {p.id: frozenset(p.columns) - HIDDEN_COLUMNS.get(p.id, set()) for p in products},
        {p.id: frozenset(n for n, to in p.relationships.items() if to.target in known) for p in products},
        "most",
    )

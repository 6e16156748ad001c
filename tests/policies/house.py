"""A small catalog for the policy tests: flights, planes, bookings, a view, an entitlement table, two zones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schema.caller import Caller, ClaimValue
from schema.catalog import Catalog, Claim, Column, Domain, Product, Relationship, Source
from schema.errors import Place
from schema.names import camel
from schema.types import parse_type
from schema.zone import Zone

HERE = Place("catalog/house.yaml")

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "operations.flights": {
        "id": "bigint", "carrier": "string", "origin": "string", "tailnum": "string #ops", "dep_delay": "integer",
        "distance": "float", "fare_total": "decimal(12,2) #commercial", "region": "string", "day": "date",
        "departed": "timestamp", "is_open": "boolean", "notes": "json", "is_late": "boolean = dep_delay > 15",
        "crew": "array<string>", "ref": "uuid",
    },
    "operations.planes": {"tailnum": "string #ops", "manufacturer": "string", "seats": "integer",
        "secret": "string #pii.note"},
    "customers.bookings": {
        "id": "bigint", "flight_id": "bigint", "name": "string #pii.name", "email": "string #pii.email",
        "fare": "decimal(12,2) #commercial", "residency": "string", "status": "string",
        "passport": "string #pii.passport",
    },
    "internal.entitlements": {"login": "string", "carrier": "string", "level": "integer"},
    "operations.per_carrier": {"carrier": "string", "flights": "bigint"},
    "elsewhere.models": {"tailnum": "string", "score": "float"},
}  # fmt: skip
KEYS = {"operations.planes": "tailnum", "operations.per_carrier": "carrier", "elsewhere.models": "tailnum"}
VIEWS = {
    "operations.per_carrier": "SELECT f.carrier, COUNT(*) AS flights FROM operations.flights AS f GROUP BY f.carrier"
}
CLAIMS = {
    "roles": "list string", "carriers": "list string", "levels": "list integer", "regions": "list string",
    "tenant": "string", "sub": "string", "level": "integer", "admin": "boolean", "since": "date", "ratio": "float",
}  # fmt: skip


def house(
    views: Mapping[str, str] | None = None,
    derived: Mapping[str, str] | None = None,
    facts: Mapping[str, str] | None = None,
) -> Catalog:
    """The catalog. ``views`` replace views by product; ``derived`` adds columns to flights as ``type = sql``; ``facts``
    are the columns of one more product, operations.facts."""
    views = {**VIEWS, **(views or {})}
    products = {id_: _product(id_, dict(columns), views) for id_, columns in COLUMNS.items()}
    if derived:
        columns = {**COLUMNS["operations.flights"], **derived}
        products["operations.flights"] = _product("operations.flights", columns, views)
    if facts:
        products["operations.facts"] = _product("operations.facts", facts, views)
    zones = {
        "internal": Zone("internal", ("dev",), HERE, None, "eu-west-1"),
        "partner": Zone("partner", ("dev",), HERE, frozenset({"operations.flights", "operations.planes"}), "us-east-1"),
    }
    claims = {}
    for name, spelt in CLAIMS.items():
        *many, type_ = spelt.split()
        claims[name] = Claim(name, parse_type(type_), bool(many), HERE)
    return Catalog(
        version="1",
        sources={
            "main": Source("main", "duckdb", "x", HERE, "eu-west-1"),
            "other": Source("other", "postgres", "y", HERE, "us-east-1"),
        },
        domains={
            "operations": Domain("operations", HERE),
            "customers": Domain("customers", HERE, tags=frozenset({"personal"})),
            "internal": Domain("internal", HERE),
            "elsewhere": Domain("elsewhere", HERE),
        },
        products=products,
        claims=claims,
        issuers={},
        zones=zones,
    )


def _product(id_: str, columns: Mapping[str, str], views: Mapping[str, str]) -> Product:
    domain, name = id_.split(".")
    view = views.get(id_)
    plane = [
        ("plane", "operations.planes", "one", "tailnum", "tailnum"),
        ("model", "elsewhere.models", "one", "tailnum", "tailnum"),
    ]
    ways = {
        "operations.flights": [*plane, ("bookings", "customers.bookings", "many", "id", "flight_id")],
        "customers.bookings": [("flight", "operations.flights", "one", "flight_id", "id")],
    }
    return Product(
        id=id_, domain=domain, name=name, source="other" if domain == "elsewhere" else "main",
        key=(KEYS.get(id_, next(iter(columns))),),
        columns={column: _column(id_, column, spelt) for column, spelt in columns.items()},
        relationships={
            way: Relationship(
                f"{id_}.{way}", way, camel(way), id_, target, "one" if kind == "one" else "many", ((here, there),), HERE
            )
            for way, target, kind, here, there in ways.get(id_, [])
        },
        place=HERE, type_name=name.title(), singular=name.rstrip("s"), plural=name,
        physical=() if view else ("main", name), view=view, entitlement=domain == "internal",
    )  # fmt: skip


def _column(product: str, name: str, spelt: str) -> Column:
    spelt, _, sql = spelt.partition(" = ")
    type_, *tags = spelt.split(" #")
    personal = {"personal"} if product.startswith("customers.") else set()
    physical = "LOGIN" if name == "login" else name
    return Column(
        name, parse_type(type_.strip()), HERE, camel(name), physical,
        tags=frozenset(tags) | personal, expression=sql or None,
    )  # fmt: skip


def caller(
    claims: Mapping[str, object], zone: str = "internal", purpose: str | None = None, region: str | None = "eu-west-1"
) -> Caller:
    """A caller with these claims; lists become tuples, as the token stage makes them."""
    typed: dict[str, ClaimValue] = {}
    for name, value in claims.items():
        typed[name] = tuple(value) if isinstance(value, list) else value  # type: ignore[assignment]  # test data
    return Caller("ana", "dev", zone, typed, 2e9, purpose, region)


def project(folder: Path, text: str) -> Path:
    """A project directory with one policy file."""
    (folder / "policies").mkdir()
    (folder / "policies" / "p.yaml").write_text(text, encoding="utf-8")
    return folder

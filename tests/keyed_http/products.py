"""Products, sources and calls for these tests, made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from resolvers.backends.backend import Deadline
from resolvers.backends.keyed.keyed import Call, Keyed
from resolvers.backends.keyed.registry import open_keyed
from schema.catalog import Column, FeatureView, Model, Product, Source, SourceKind
from schema.errors import Place
from schema.types import parse_type

HERE = Place("")
CANARY = "CANARY-7d1f"


def column(name: str, type_: str, physical: str | None = None) -> Column:
    return Column(name, parse_type(type_), HERE, name, physical or name)


def _product(columns: list[Column], key: tuple[str, ...], name: str) -> Product:
    return Product(
        id="ml.it",
        domain="ml",
        name="it",
        source="it",
        key=key,
        columns={one.name: one for one in columns},
        relationships={},
        place=HERE,
        type_name="It",
        singular="it",
        plural="its",
        physical=(name,),
    )


def model(
    inputs: list[Column],
    outputs: list[Column],
    nullable: frozenset[str] = frozenset(),
    batch: int | None = None,
    options: Mapping[str, object] | None = None,
    name: str = "delay-risk",
) -> Product:
    names = tuple(one.name for one in inputs)
    product = _product([*inputs, *outputs], names, name)
    made = Model("1", names, tuple(one.name for one in outputs), nullable, batch=batch, options=options or {})
    return _with(product, model=made)


def view(
    key: list[Column],
    features: list[Column],
    event_time: str | None = None,
    options: Mapping[str, object] | None = None,
) -> Product:
    product = _product([*key, *features], tuple(one.name for one in key), "route_delay")
    return _with(product, features=FeatureView(event_time, None, options or {}))


def _with(product: Product, model: Model | None = None, features: FeatureView | None = None) -> Product:
    return replace(product, model=model, features=features)


def opened(kind: SourceKind, url: str, location: str | None = None, **options: object) -> Keyed:
    """The back end of a source with these options, through the registry. Raises ValueError."""
    return open_keyed(Source("it", kind, url, HERE, location, options=options), url, Path())


def call(seconds: float = 20, request_id: str = "") -> Call:
    return Call(Deadline.after(seconds), request_id=request_id)


RISK = model(
    [column("distance", "float"), column("carrier", "string", "CARRIER"), column("seats", "bigint")],
    [column("probability", "float"), column("label", "string")],
    nullable=frozenset({"distance"}),
)
"""A model that every kind of server can stand in for: `probability` and `label` from three inputs."""

"""Names that collide: CH211 and CH212, found over the finished catalog."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from schema.catalog import Catalog, Product
from schema.errors import LoadError, Place
from schema.names import pascal
from schema.types import Kind, Type

ROOT_SUFFIXES = ("Aggregate", "Groups", "Detokenize", "ByKeys")
"""Besides ``plural`` and ``singular``, a product has the roots ``<plural>Aggregate``, ``<plural>Groups`` and, for some
callers, ``<plural>Detokenize``."""

TYPE_SUFFIXES = (
    "Connection", "Edge", "Aggregate", "Distinct", "Sums", "Averages", "Extremes", "Group", "GroupKey", "Where",
    "ListWhere", "OrderBy", "NumberOrderBy", "ExtremeOrderBy", "KeyOrderBy", "Column", "TokenColumn", "GroupBy",
    "GroupOrderBy", "Key", "Input", "Having", "HavingDistinct", "HavingSums", "HavingAverages", "HavingExtremes",
)  # fmt: skip
"""Names of helper types are the product's type name and one of these (schema.graphql.vocabulary; a test compares)."""

FIXED_ROOTS = frozenset({"node", "nodes", "_service", "_entities"})
SCALARS = (
    "Int", "Float", "String", "Boolean", "ID", "Long", "BigInt", "Decimal", "Date", "Time", "DateTime", "Timestamp",
    "Duration", "UUID", "JSON", "Base64", "Fraction",
)  # fmt: skip
FIXED_TYPES = frozenset({
    "Query", "Mutation", "Subscription", "Node", "PageInfo", "SortOrder", "Truncate", "FeatureStatus", "NullWhere",
    *SCALARS,
    *(f"{scalar}Where" for scalar in SCALARS), *(f"{scalar}ListWhere" for scalar in SCALARS),
})  # fmt: skip
FIXED_FIELDS = frozenset({"nodeId", "and", "or", "not"})
"""``nodeId`` is every row's own; ``and``, ``or`` and ``not`` combine filters."""


def collisions(catalog: Catalog) -> list[LoadError]:
    """CH211 and CH212: GraphQL names that two things of one zone share, or that are taken by the gateway.

    A zone has one schema, so two products may share a name as long as no zone publishes both. A catalog without zones
    is checked as if one published everything.
    """
    everything = tuple(p for p in catalog.products.values() if not p.entitlement)
    schemas = [catalog.published(zone) for zone in catalog.zones] or [everything]
    found: dict[LoadError, None] = {}
    for products in schemas:
        found.update(dict.fromkeys(_shared("query field '{}'", _roots(products), FIXED_ROOTS)))
        found.update(dict.fromkeys(_shared("type '{}'", _types(products), FIXED_TYPES)))
    for product in everything:
        found.update(dict.fromkeys(_shared(f"field '{{}}' of {product.id}", _fields(product), FIXED_FIELDS)))
    for product in catalog.products.values():
        found.update(dict.fromkeys(_logical(product)))
    return list(found)


Use = tuple[str, str, Place]
"""A GraphQL name, what it stands for, and where that is declared."""


def _roots(products: Sequence[Product]) -> Iterator[Use]:
    for product in products:
        yield product.plural, f"the list of {product.id}", product.place
        yield product.singular, f"one row of {product.id}", product.place
        for suffix in ROOT_SUFFIXES:
            yield product.plural + suffix, f"the {suffix.lower()} of {product.id}", product.place


def _types(products: Sequence[Product]) -> Iterator[Use]:
    for product in products:
        yield product.type_name, f"the type of {product.id}", product.place
        for suffix in TYPE_SUFFIXES:
            yield product.type_name + suffix, f"a type of {product.id}", product.place
        for column in product.columns.values():
            for name in _structs(product.type_name + pascal(column.field), column.type):
                yield name, f"the type of {product.id}.{column.name}", column.place


def _structs(name: str, type_: Type) -> Iterator[str]:
    """The types of structs inside a type: each has a GraphQL type of its own."""
    if type_.kind is Kind.ARRAY and type_.item is not None:
        yield from _structs(name, type_.item)
    elif type_.kind is Kind.STRUCT:
        yield name
        for field, inner in type_.fields:
            yield from _structs(name + pascal(field), inner)


def _fields(product: Product) -> Iterator[Use]:
    for column in product.columns.values():
        yield column.field, f"column '{column.name}'", column.place
    for relationship in product.relationships.values():
        about = f"relationship '{relationship.name}'"
        yield relationship.field, about, relationship.place
        if relationship.cardinality == "many":
            yield relationship.field + "Aggregate", f"the aggregate of {about}", relationship.place


def _shared(what: str, uses: Iterable[Use], fixed: frozenset[str]) -> Iterator[LoadError]:
    """One error for each place whose name is reserved or used before; its helper names would only repeat it."""
    first: dict[str, Use] = {}
    said: set[Place] = set()
    hint = "Choose another name with 'graphql:'."
    for name, about, place in uses:
        other = first.setdefault(name, (name, about, place))
        if place in said:
            continue
        if name in fixed or name.startswith("__"):
            said.add(place)
            yield LoadError(place, "CH212", f"The GraphQL name '{name}' for {about} is reserved.", hint)
        elif other[2] != place or other[1] != about:
            said.add(place)
            sentence = f"The {what.format(name)} would be both {other[1]} ({other[2]}) and {about}."
            yield LoadError(place, "CH211", sentence, hint)


def _logical(product: Product) -> Iterator[LoadError]:
    for name, relationship in product.relationships.items():
        if name in product.columns:
            sentence = f"{product.id} has a column and a relationship named '{name}'."
            yield LoadError(relationship.place, "CH211", sentence, "Rename the relationship.")

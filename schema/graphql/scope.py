"""A product as one caller may know it: the columns and relationships that are there, and what each can be used for.

Everything the type makers ask of a product goes through here, so a hidden name cannot get into a type.
"""

from __future__ import annotations

from dataclasses import dataclass

from schema.catalog import Catalog, Column, Domain, Product, Relationship
from schema.graphql.scalars import NAMES
from schema.names import enum_value, pascal
from schema.types import NUMERIC, ORDERED, TEMPORAL, Kind, Type
from schema.zone import Root

EXTREMAL = NUMERIC | TEMPORAL | {Kind.STRING, Kind.TIME}
"""Kinds that have a smallest and a largest value on every engine."""

SUMMED = {Kind.INTEGER: "Decimal", Kind.BIGINT: "Decimal", Kind.DECIMAL: "Decimal", Kind.FLOAT: "Float"}
"""The scalar of a sum: integers widen, so that no sum overflows."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A product, its visible columns and relationships, and their targets. ``without``: figures its source lacks.
    ``detokenizable``: the columns whose tokens may be looked up. ``keyed``: its source answers by key alone. A model
    shows its outputs; its inputs are ``key``. ``roots``: which fields of Query start from it, None for all there are;
    ``nodes``: whether rows are asked for by node id."""

    product: Product
    domain: Domain | None
    columns: tuple[Column, ...]
    relationships: tuple[Relationship, ...]
    targets: Catalog
    page_size: int
    max_page_size: int
    without: frozenset[str]
    detokenizable: tuple[Column, ...] = ()
    keyed: bool = False
    inputs: tuple[Column, ...] = ()
    roots: frozenset[Root] | None = None
    nodes: bool = True

    @property
    def name(self) -> str:
        return self.product.type_name

    def target(self, relationship: Relationship) -> Product:
        return self.targets.products[relationship.target]

    @property
    def key(self) -> tuple[Column, ...]:
        """The key columns, or none where one of them is not visible."""
        by_name = {column.name: column for column in (*self.columns, *self.inputs)}
        key = tuple(by_name[name] for name in self.product.key if name in by_name)
        return key if len(key) == len(self.product.key) else ()

    @property
    def orderable(self) -> tuple[Relationship, ...]:
        """Ways to one feature view's row or one scoring, by which rows may be ordered too."""
        if self.keyed or "orders" in self.without:
            return ()
        targets = ((way, self.target(way)) for way in self.relationships if way.cardinality == "one")
        return tuple(way for way, to in targets if to.features is not None or to.model is not None)

    @property
    def filterable(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.filterable)

    @property
    def sortable(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.sortable and column.type.kind in ORDERED)

    @property
    def groupable(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.groupable and column.type.kind in ORDERED)

    @property
    def numeric(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.type.kind in NUMERIC)

    @property
    def extremal(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.type.kind in EXTREMAL)

    def value_type(self, column: Column) -> str:
        """The GraphQL type of a column's values."""
        return value_type(self.name + pascal(column.field), column.type)

    def enum_value(self, column: Column) -> str:
        return enum_value(column.name)


def value_type(struct: str, type_: Type) -> str:
    """The GraphQL type of a logical type; ``struct`` is the name a struct's own type has."""
    if type_.kind is Kind.ARRAY and type_.item is not None:
        return f"[{value_type(struct, type_.item)}]"
    return struct if type_.kind is Kind.STRUCT else NAMES[type_.kind]


def structs(name: str, type_: Type) -> list[tuple[str, Type]]:
    """The struct types inside a type, outermost first, with their GraphQL names."""
    if type_.kind is Kind.ARRAY and type_.item is not None:
        return structs(name, type_.item)
    if type_.kind is not Kind.STRUCT:
        return []
    return [(name, type_)] + [found for field, inner in type_.fields for found in structs(name + pascal(field), inner)]

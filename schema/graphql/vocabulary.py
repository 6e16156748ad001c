"""Vocabulary: every GraphQL type of a zone, as far as one caller may know it, made when it is first asked for.

A hidden product, column or relationship has no type, field, argument, input field or enum value here, so whatever reads
this (validation, introspection, suggestions) cannot tell it from one that does not exist. What would be empty is left
out together with everything that refers to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from schema.catalog import Catalog, Product, Relationship
from schema.graphql import inputs, outputs
from schema.graphql.definitions import ArgumentDef, FieldDef, OfPart, TypeDef, ref
from schema.graphql.operators import filter_types
from schema.graphql.scalars import NAMES, SCALARS
from schema.graphql.scope import Scope, structs
from schema.names import pascal
from schema.visible import VisibleSet

Maker = Callable[[Scope], TypeDef | None]

MAKERS: Mapping[str, Maker] = {
    "": outputs.row,
    "Connection": outputs.connection,
    "Edge": outputs.edge,
    "Aggregate": outputs.aggregate,
    "Distinct": outputs.distinct,
    "Sums": outputs.sums,
    "Averages": outputs.averages,
    "Extremes": outputs.extremes,
    "Group": outputs.group,
    "GroupKey": outputs.group_key,
    "Where": inputs.where,
    "ListWhere": inputs.list_where,
    "OrderBy": inputs.order_by,
    "NumberOrderBy": inputs.number_order_by,
    "ExtremeOrderBy": inputs.extreme_order_by,
    "KeyOrderBy": inputs.key_order_by,
    "Column": inputs.column_enum,
    "GroupBy": inputs.group_by,
    "GroupOrderBy": inputs.group_order_by,
    "Having": inputs.having,
    "HavingDistinct": inputs.having_distinct,
    "HavingSums": inputs.having_sums,
    "HavingAverages": inputs.having_averages,
    "HavingExtremes": inputs.having_extremes,
}
"""The types of a product: its type name and one of these suffixes."""

BUILT_IN = frozenset({"Int", "Float", "String", "Boolean", "ID"})
_SCALARS = BUILT_IN | SCALARS.keys() | set(NAMES.values())


def everything(catalog: Catalog, zone: str) -> VisibleSet:
    """All that a zone publishes: what its whole schema is made of."""
    products = catalog.published(zone)
    known = {product.id for product in products}
    relationships = {
        product.id: frozenset(name for name, to in product.relationships.items() if to.target in known)
        for product in products
    }
    columns = {product.id: frozenset(product.columns) for product in products}
    return VisibleSet(zone, columns, relationships, "everything")


class Vocabulary:
    """The types by name. `type` answers None for an unknown name, a hidden one and an empty one alike."""

    def __init__(
        self,
        catalog: Catalog,
        zone: str,
        visible: VisibleSet,
        index: Mapping[str, tuple[Product, str]],
        without: Mapping[str, frozenset[str]],
    ) -> None:
        self._without = without
        self._catalog, self._zone, self._visible, self._index = catalog, catalog.zones[zone], visible, index
        self._published = {product.id for product in catalog.published(zone)}
        self._made: dict[str, TypeDef | None] = {**_shared()}
        self._scopes: dict[str, Scope | None] = {}

    def type(self, name: str) -> TypeDef | None:
        """The type of this name, or None."""
        if name not in self._made:
            self._made[name] = self.query() if name == "Query" else self._make(name)
        return self._made[name]

    def names(self) -> Iterator[str]:
        """The names of all types that are there, scalars left out."""
        yield from ("Query", *_shared())
        for name, (product, _) in self._index.items():
            if self._knows(product.id) and self.type(name) is not None:
                yield name

    def products(self) -> tuple[Product, ...]:
        """The products that are there."""
        return tuple(p for p in self._catalog.published(self._zone.name) if self._knows(p.id))

    def has(self, product: str) -> bool:
        return self._knows(product)

    def scope(self, product: Product) -> Scope | None:
        """The product as this caller knows it, or None."""
        if product.id not in self._scopes:
            self._scopes[product.id] = self._scope(product) if self._knows(product.id) else None
        return self._scopes[product.id]

    def _knows(self, product: str) -> bool:
        return product in self._published and self._visible.product(product)

    def _scope(self, product: Product) -> Scope:
        seen = self._visible
        return Scope(
            product,
            self._catalog.domains.get(product.domain),
            tuple(column for column in product.columns.values() if seen.column(product.id, column.name)),
            tuple(to for to in product.relationships.values() if self._related(product, to)),
            self._catalog,
            self._zone.page_size,
            self._zone.max_page_size,
            self._without.get(product.source, frozenset()),
        )

    def _related(self, product: Product, relationship: Relationship) -> bool:
        return self._knows(relationship.target) and self._visible.relationship(product.id, relationship.name)

    def _make(self, name: str) -> TypeDef | None:
        found = self._index.get(name)
        scope = self.scope(found[0]) if found else None
        if found is None or scope is None:
            return None
        suffix = found[1]
        if suffix not in MAKERS:
            return self._struct(scope, name)
        made = MAKERS[suffix](scope)
        return self._without_empty(made) if made else None

    def _struct(self, scope: Scope, name: str) -> TypeDef | None:
        for column in scope.columns:
            for spelt, type_ in structs(scope.name + pascal(column.field), column.type):
                if spelt == name:
                    return outputs.struct(name, type_)
        return None

    def query(self) -> TypeDef:
        """The Query type. Ask `type` for it twice, not this."""
        fields: dict[str, FieldDef] = {}
        for product in self.products():
            scope = self.scope(product)
            if scope is not None:
                fields.update(outputs.roots(scope))
        text = "Any one row by its node id; null where there is none for this caller."
        fields["node"] = FieldDef(ref("Node"), OfPart("node"), text, {"id": ArgumentDef(ref("ID!"))})
        return self._without_empty(TypeDef("Query", "object", fields, f"What the zone '{self._zone.name}' serves."))

    def _without_empty(self, type_: TypeDef) -> TypeDef:
        """Drop orders of targets that have nothing to order by; every other reference is made with its target."""
        fields = {
            name: FieldDef(
                field.type,
                field.meaning,
                field.description,
                {word: arg for word, arg in field.arguments.items() if word != "orderBy" or self._ordered(arg)},
            )
            if "orderBy" in field.arguments
            else field
            for name, field in type_.fields.items()
        }
        return TypeDef(type_.name, type_.form, fields, type_.description, type_.node, type_.one_of)

    def _ordered(self, argument: ArgumentDef) -> bool:
        product, suffix = self._index[argument.type.leaf]
        scope = self.scope(product)
        return scope is not None and bool(scope.sortable if suffix == "OrderBy" else scope.groupable)


def index(catalog: Catalog, zone: str) -> dict[str, tuple[Product, str]]:
    """Which product every type name belongs to, and what it is of it. Raises ValueError where two are the same."""
    taken = {"Query", *_shared(), *_SCALARS}
    found: dict[str, tuple[Product, str]] = {}
    for product in catalog.published(zone):
        names = {product.type_name + suffix: suffix for suffix in MAKERS}
        for column in product.columns.values():
            for name, _ in structs(product.type_name + pascal(column.field), column.type):
                names[name] = "struct"
        for name, suffix in names.items():
            if name in taken or name in found:
                raise ValueError(
                    f"two GraphQL types of zone '{zone}' are called '{name}': rename {product.id} with 'graphql:'"
                )
            found[name] = (product, suffix)
    return found


def _shared() -> dict[str, TypeDef]:
    return _SHARED


def _enum(name: str, description: str, values: Mapping[str, str]) -> TypeDef:
    fields = {value: FieldDef(ref("String"), OfPart(value), text) for value, text in values.items()}
    return TypeDef(name, "enum", fields, description)


_SHARED: dict[str, TypeDef] = {
    **filter_types(),
    "Node": TypeDef(
        "Node", "interface", {"nodeId": FieldDef(ref("ID!"), OfPart("nodeId"), outputs.ROW_ID)}, "Anything with an id."
    ),
    "PageInfo": TypeDef(
        "PageInfo",
        "object",
        {
            "hasNextPage": FieldDef(ref("Boolean!"), OfPart("hasNextPage"), "Rows follow the page."),
            "hasPreviousPage": FieldDef(ref("Boolean!"), OfPart("hasPreviousPage"), "Rows come before the page."),
            "startCursor": FieldDef(ref("String"), OfPart("startCursor"), "Cursor of the first row, if any."),
            "endCursor": FieldDef(ref("String"), OfPart("endCursor"), "Cursor of the last row, if any."),
        },
        "What lies around a page.",
    ),
    "SortOrder": _enum(
        "SortOrder",
        "A direction, and where nulls go.",
        {
            "ASC": "Ascending, nulls last.",
            "DESC": "Descending, nulls first.",
            "ASC_NULLS_FIRST": "Ascending, nulls first.",
            "ASC_NULLS_LAST": "Ascending, nulls last.",
            "DESC_NULLS_FIRST": "Descending, nulls first.",
            "DESC_NULLS_LAST": "Descending, nulls last.",
        },
    ),
    "Truncate": _enum(
        "Truncate",
        "The start of what a date or time is cut to. Instants are cut in UTC; weeks start on Monday.",
        dict.fromkeys(("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"), ""),
    ),
}  # fmt: skip

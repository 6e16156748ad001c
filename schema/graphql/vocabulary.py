"""Vocabulary: every GraphQL type of a zone, as far as one caller may know it, made when it is first asked for.

A hidden product, column or relationship has no type, field, argument, input field or enum value here, so whatever reads
this (validation, introspection, suggestions) cannot tell it from one that does not exist. What would be empty is left
out together with everything that refers to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from schema.catalog import Catalog, Product, Relationship
from schema.graphql import inputs, outputs, weights
from schema.graphql.definitions import ArgumentDef, FieldDef, OfPart, OfRelated, TypeDef, ref
from schema.graphql.operators import filter_types
from schema.graphql.scalars import NAMES, SCALARS
from schema.graphql.scope import Scope, structs
from schema.limits import Limits
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
    "TokenColumn": inputs.token_column,
    "GroupBy": inputs.group_by,
    "GroupOrderBy": inputs.group_order_by,
    "Key": inputs.entity_key,
    "Input": inputs.model_input,
    "Having": inputs.having,
    "HavingDistinct": inputs.having_distinct,
    "HavingSums": inputs.having_sums,
    "HavingAverages": inputs.having_averages,
    "HavingExtremes": inputs.having_extremes,
}
"""The types of a product: its type name and one of these suffixes."""

KEYED = frozenset({"", "Where", "OrderBy", "Key", "Input"})
"""Those of a product that is found by key alone."""

BUILT_IN = frozenset({"Int", "Float", "String", "Boolean", "ID"})
_SCALARS = BUILT_IN | SCALARS.keys() | set(NAMES.values())


def everything(catalog: Catalog, zone: str) -> VisibleSet:
    """All that a zone publishes: what its whole schema is made of."""
    products = catalog.published(zone)
    known = {product.id for product in products}
    relationships = {
        product.id: frozenset(to.name for to in catalog.shown_relationships(zone, product) if to.target in known)
        for product in products
    }
    columns = {product.id: catalog.shown_columns(zone, product) for product in products}
    return VisibleSet(zone, columns, relationships, "everything")


class Vocabulary:
    """The types by name. `type` answers None for an unknown name, a hidden one and an empty one alike."""

    def __init__(
        self,
        catalog: Catalog,
        zone: str,
        visible: VisibleSet,
        index: Index,
        without: Mapping[str, frozenset[str]],
    ) -> None:
        self._index, self._without = index, without
        self._catalog, self._zone, self._visible = catalog, catalog.zones[zone], visible
        self._published = {product.id for product in catalog.published(zone)}
        self._made: dict[str, TypeDef | None] = {
            name: made for name, made in _SHARED.items() if self._zone.node or name != "Node"
        }
        self._scopes: dict[str, Scope | None] = {}

    def type(self, name: str) -> TypeDef | None:
        """The type of this name, or None."""
        if name not in self._made and name != "Query" and name not in self._index.types:
            return None  # not remembered: any text may be asked for
        if name not in self._made:
            self._made[name] = self._query() if name == "Query" else self._make(name)
        return self._made[name]

    def root(self, name: str) -> FieldDef | None:
        """One field of Query, without making the others."""
        if name == "node":
            return _NODE if self._zone.node else None
        product = self._index.roots.get(name)
        scope = self.scope(product) if product is not None else None
        return self._ordered_fields(outputs.roots(scope)).get(name) if scope is not None else None

    @property
    def limits(self) -> Limits:
        """What the zone lets a document hold."""
        return self._zone.limits

    def names(self) -> list[str]:
        """The names of all types that lead from Query and the rows of products, scalars left out."""
        waiting = ["Query", *(product.type_name for product in self.products())]
        found: dict[str, None] = {}
        while waiting:
            name = waiting.pop()
            type_ = self.type(name)
            if type_ is None or name in found:
                continue
            found[name] = None
            waiting += ["Node"] if type_.node else []
            for field in type_.fields.values() if type_.form != "enum" else ():
                waiting.append(field.type.leaf)
                waiting += [argument.type.leaf for argument in field.arguments.values()]
        return list(found)

    def suggestions(self) -> list[str]:
        """The names of types worth suggesting."""
        return [*_SHARED, *(product.type_name for product in self.products())]

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
        tokens = seen.detokenizable.get(product.id, frozenset())
        shown = tuple(column for column in product.columns.values() if seen.column(product.id, column.name))
        given = frozenset(product.model.inputs) if product.model is not None else frozenset()
        return Scope(
            product,
            self._catalog.domains.get(product.domain),
            tuple(column for column in shown if column.name not in given),
            tuple(to for to in product.relationships.values() if self._related(product, to)),
            self._catalog,
            self._zone.page_size,
            self._zone.max_page_size,
            self._without.get(product.source, frozenset()),
            tuple(column for column in product.columns.values() if column.name in tokens),
            self._catalog.keyed(product.id),
            tuple(column for column in shown if column.name in given),
            self._zone.shows(product.id).roots,
            self._zone.node,
        )

    def _related(self, product: Product, relationship: Relationship) -> bool:
        return self._knows(relationship.target) and self._visible.relationship(product.id, relationship.name)

    def _make(self, name: str) -> TypeDef | None:
        found = self._index.types.get(name)
        scope = self.scope(found[0]) if found else None
        if found is None or scope is None:
            return None
        suffix = found[1]
        if suffix not in MAKERS:
            return self._struct(scope, name)
        if scope.keyed and suffix not in KEYED:
            return None
        made = MAKERS[suffix](scope)
        return self._without_empty(made) if made else None

    def _struct(self, scope: Scope, name: str) -> TypeDef | None:
        for column in scope.columns:
            for spelt, type_ in structs(scope.name + pascal(column.field), column.type):
                if spelt == name:
                    return outputs.struct(name, type_)
        return None

    def _query(self) -> TypeDef | None:
        fields: dict[str, FieldDef] = {}
        for product in self.products():
            scope = self.scope(product)
            if scope is not None:
                fields.update(outputs.roots(scope))
        if self._zone.node:
            fields["node"] = _NODE
        return self._without_empty(TypeDef("Query", "object", fields, self.query_text))

    @property
    def query_text(self) -> str:
        return f"What the zone '{self._zone.name}' serves."

    def _without_empty(self, type_: TypeDef) -> TypeDef | None:
        """Drop orders of targets that have nothing to order by; every other reference is made with its target."""
        fields = self._ordered_fields(type_.fields)
        fields = {word: field for word, field in fields.items() if self._is_there(field)}
        return replace(type_, fields=fields) if fields else None

    def _is_there(self, field: FieldDef) -> bool:
        """Orders over a way to a product that has nothing to order by."""
        related = isinstance(field.meaning, OfRelated) and field.type.leaf.endswith("OrderBy")
        return not related or self.type(field.type.leaf) is not None

    def _ordered_fields(self, fields: Mapping[str, FieldDef]) -> dict[str, FieldDef]:
        return {
            name: replace(
                field,
                arguments={
                    word: arg for word, arg in field.arguments.items() if word != "orderBy" or self._ordered(arg)
                },
            )
            if "orderBy" in field.arguments
            else field
            for name, field in fields.items()
        }

    def _ordered(self, argument: ArgumentDef) -> bool:
        product, suffix = self._index.types[argument.type.leaf]
        scope = self.scope(product)
        if scope is None:
            return False
        return bool(scope.sortable or scope.orderable) if suffix == "OrderBy" else bool(scope.groupable)


@dataclass(frozen=True, slots=True)
class Index:
    """Which product every type name belongs to, and what it is of it; which product every root field belongs to."""

    types: Mapping[str, tuple[Product, str]]
    roots: Mapping[str, Product]


def index(catalog: Catalog, zone: str) -> Index:
    """The index of a zone. Raises ValueError where two types are called the same."""
    taken = {"Query", *_SHARED, *_SCALARS}
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
    roots = {root: product for product in catalog.published(zone) for root in outputs.root_names(product)}
    return Index(found, roots)


def _enum(name: str, description: str, values: Mapping[str, str]) -> TypeDef:
    fields = {value: FieldDef(ref("String"), OfPart(value), text) for value, text in values.items()}
    return TypeDef(name, "enum", fields, description)


_NODE = FieldDef(
    ref("Node"),
    OfPart("node"),
    "Any one row by its node id; null where there is none for this caller.",
    {"id": ArgumentDef(ref("ID!"))},
)

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
        weight=weights.PART,
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
    "FeatureStatus": _enum(
        "FeatureStatus",
        "Whether a feature view has a row of the entity for this caller.",
        {"PRESENT": "It has.", "MISSING": "It has none, or none that this caller may see."},
    ),
    "Truncate": _enum(
        "Truncate",
        "The start of what a date or time is cut to. Instants are cut in UTC; weeks start on Monday.",
        dict.fromkeys(("SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"), ""),
    ),
}  # fmt: skip

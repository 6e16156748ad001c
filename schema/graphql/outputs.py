"""The object types of a product: rows, connections, aggregates and groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from schema.catalog import Column, Product, Relationship
from schema.graphql import weights
from schema.graphql.definitions import (
    ArgumentDef,
    FieldDef,
    ListSize,
    Meaning,
    OfColumn,
    OfEntity,
    OfPart,
    OfRelated,
    OfRoot,
    OfRow,
    OfStruct,
    TypeDef,
    ref,
)
from schema.graphql.scope import SUMMED, Scope, value_type
from schema.names import camel, pascal
from schema.types import Type
from schema.zone import Root

ROOT_OF: Mapping[str, Root] = {
    "key": "one",
    "keys": "by_keys",
    "list": "list",
    "aggregate": "aggregate",
    "groups": "groups",
    "detokenize": "detokenize",
}
"""What a zone calls each form of root field."""
ROW_ID = "The row's id over all products, for `node`. It holds for the caller who was given it."


def row(scope: Scope) -> TypeDef:
    """The product's own type. Every column may be null: masks and row-wise grants may take any value away."""
    fields = {} if scope.keyed or not scope.nodes else {"nodeId": FieldDef(ref("ID!"), OfRow(scope.product), ROW_ID)}
    for column in scope.columns:
        type_ = ref(scope.value_type(column))
        fields[column.field] = FieldDef(
            type_, OfColumn(scope.product, column), column_text(column), weight=weights.value(column)
        )
    for relationship in scope.relationships:
        fields.update(_related(scope, relationship))
    for name, field in _entity(scope).items():
        fields.setdefault(name, field)
    return TypeDef(
        scope.name,
        "object",
        fields,
        product_text(scope),
        node=scope.nodes and not scope.keyed,
        weight=weights.row(scope.product),
    )


def _entity(scope: Scope) -> dict[str, FieldDef]:
    """What a row says of itself besides its values: a feature view's of its age, a model's of its version."""
    product, view = scope.product, scope.product.features
    if product.model is not None:
        text = "The version of the model."
        return {"modelVersion": FieldDef(ref("String!"), OfEntity(product, "modelVersion"), text)}
    if view is None:
        return {}
    found = {"status": FieldDef(ref("FeatureStatus!"), OfEntity(product, "status"), "Whether there is a row.")}
    when = next((column for column in scope.columns if column.name == view.event_time), None)
    if when is not None:
        found["asOf"] = FieldDef(ref(scope.value_type(when)), OfEntity(product, "asOf"), "As of when the values hold.")
        if view.ttl is not None:
            text = "Whether the values are older than they should be; null without a time."
            found["stale"] = FieldDef(ref("Boolean"), OfEntity(product, "stale"), text)
    return found


def _related(scope: Scope, relationship: Relationship) -> dict[str, FieldDef]:
    target, text = scope.target(relationship), relationship.description
    if relationship.cardinality == "one":
        meaning: Meaning = OfRelated(relationship, target, "one")
        return {relationship.field: FieldDef(ref(target.type_name), meaning, text, weight=weights.way(relationship))}
    return {
        relationship.field: FieldDef(
            ref(f"{target.type_name}Connection!"),
            OfRelated(relationship, target, "many"),
            text,
            list_arguments(target, scope),
            weights.way(relationship),
            page_size(scope),
        ),
        f"{relationship.field}Aggregate": FieldDef(
            ref(f"{target.type_name}Aggregate!"),
            OfRelated(relationship, target, "aggregate"),
            f"Figures over {relationship.field}.",
            {"where": where_argument(target)},
            weights.figures(relationship),
        ),
    }


def struct(name: str, type_: Type) -> TypeDef:
    """The object type of a struct column."""
    fields = {
        camel(field): FieldDef(ref(value_type(name + pascal(field), inner)), OfStruct(field))
        for field, inner in type_.fields
    }
    return TypeDef(name, "object", fields, weight=weights.PART)


def connection(scope: Scope) -> TypeDef:
    name = scope.name
    return TypeDef(
        f"{name}Connection",
        "object",
        {
            "nodes": FieldDef(ref(f"[{name}!]!"), OfPart("nodes"), "The rows of the page."),
            "edges": FieldDef(ref(f"[{name}Edge!]!"), OfPart("edges"), "The rows of the page with their cursors."),
            "pageInfo": FieldDef(ref("PageInfo!"), OfPart("pageInfo"), "What lies before and after the page."),
            "totalCount": FieldDef(
                ref("Long"),
                OfPart("totalCount"),
                "Rows that match in all. Counted only when asked for.",
                weight=weights.FIGURES,
            ),
        },
        f"A page of {scope.product.plural}.",
    )


def edge(scope: Scope) -> TypeDef:
    fields = {
        "cursor": FieldDef(ref("String!"), OfPart("cursor"), "For `after` and `before`."),
        "node": FieldDef(ref(f"{scope.name}!"), OfPart("node")),
    }
    return TypeDef(f"{scope.name}Edge", "object", fields, weight=weights.PART)


def aggregate(scope: Scope) -> TypeDef:
    fields = figures(scope)
    text = f"Figures over {scope.product.plural}."
    return TypeDef(f"{scope.name}Aggregate", "object", fields, text, weight=weights.FIGURES)


def group(scope: Scope) -> TypeDef | None:
    if not scope.groupable:
        return None
    key = FieldDef(ref(f"{scope.name}GroupKey!"), OfPart("key"), "The values the rows of the group share.")
    return TypeDef(
        f"{scope.name}Group", "object", {"key": key, **figures(scope)}, f"A group of {scope.product.plural}."
    )


def figures(scope: Scope) -> dict[str, FieldDef]:
    """The aggregate fields, without those that have no column to work on."""
    name, number = scope.name, bool(scope.numeric)
    q = {"q": ArgumentDef(ref("Fraction!"), "0.5 is the median.")}
    fraction = ref(f"{name}Averages")
    offered: list[tuple[bool, str, FieldDef]] = [
        (True, "count", FieldDef(ref("Long"), OfPart("count"), "Rows.")),
        (
            bool(scope.groupable),
            "countDistinct",
            FieldDef(ref(f"{name}Distinct"), OfPart("countDistinct"), "Different values that are not null."),
        ),
        (number, "sum", FieldDef(ref(f"{name}Sums"), OfPart("sum"), "Sums; null over no values.")),
        (number, "avg", FieldDef(fraction, OfPart("avg"), "Averages.")),
        (bool(scope.extremal), "min", FieldDef(ref(f"{name}Extremes"), OfPart("min"), "Smallest values.")),
        (bool(scope.extremal), "max", FieldDef(ref(f"{name}Extremes"), OfPart("max"), "Largest values.")),
        (number, "stddev", FieldDef(fraction, OfPart("stddev"), "Sample standard deviations; null below two values.")),
        (
            number,
            "percentile",
            FieldDef(fraction, OfPart("percentile"), "Continuous percentiles, where the source can.", q),
        ),
    ]
    return {word: field for wanted, word, field in offered if wanted and word not in scope.without}


def distinct(scope: Scope) -> TypeDef | None:
    return _figures_of(scope, "Distinct", scope.groupable, lambda column: "Long")


def sums(scope: Scope) -> TypeDef | None:
    return _figures_of(scope, "Sums", scope.numeric, lambda column: SUMMED[column.type.kind])


def averages(scope: Scope) -> TypeDef | None:
    return _figures_of(scope, "Averages", scope.numeric, lambda column: "Float")


def extremes(scope: Scope) -> TypeDef | None:
    return _figures_of(scope, "Extremes", scope.extremal, scope.value_type)


def group_key(scope: Scope) -> TypeDef | None:
    return _figures_of(scope, "GroupKey", scope.groupable, scope.value_type)


def _figures_of(
    scope: Scope, suffix: str, columns: Iterable[Column], type_of: Callable[[Column], str]
) -> TypeDef | None:
    fields = {
        column.field: FieldDef(ref(type_of(column)), OfColumn(scope.product, column), column.description)
        for column in columns
    }
    return TypeDef(scope.name + suffix, "object", fields, weight=weights.PART) if fields else None


def where_argument(product: Product) -> ArgumentDef:
    return ArgumentDef(ref(f"{product.type_name}Where"), "Only rows for which this holds.")


def list_arguments(product: Product, scope: Scope) -> dict[str, ArgumentDef]:
    """The arguments of a connection. ``orderBy`` is dropped later where nothing visible can be sorted."""
    page = f"Page size; {scope.page_size} when neither first nor last is given, at most {scope.max_page_size}."
    return {
        "where": where_argument(product),
        "orderBy": ArgumentDef(ref(f"[{product.type_name}OrderBy!]"), "Order, most significant first; then the key."),
        "first": ArgumentDef(ref("Int"), page),
        "after": ArgumentDef(ref("String"), "Rows after this cursor."),
        "last": ArgumentDef(ref("Int"), "The same from the end."),
        "before": ArgumentDef(ref("String"), "Rows before this cursor."),
        "offset": ArgumentDef(ref("Int"), "Rows to skip. Cursors are cheaper and do not shift."),
    }


def page_size(scope: Scope) -> ListSize:
    """How many rows a page of a connection has."""
    return ListSize(_usual(scope), scope.max_page_size, ("first", "last"), ("nodes", "edges"))


def _usual(scope: Scope) -> int:
    return min(scope.page_size, scope.max_page_size)


def _as_many_as(scope: Scope, argument: str) -> ListSize:
    return ListSize(scope.max_page_size, scope.max_page_size, (argument,))


def root_names(product: Product) -> tuple[str, ...]:
    """The fields of Query that a product may have."""
    plural = product.plural
    if product.model is not None:
        return (product.singular,)
    return product.singular, plural, f"{plural}ByKeys", f"{plural}Aggregate", f"{plural}Groups", f"{plural}Detokenize"


def roots(scope: Scope) -> dict[str, FieldDef]:
    """The fields of Query that start from the product, as far as the zone shows them. All may be null: one whose source
    fails is, beside the others."""
    shown = scope.roots
    found = _roots(scope)
    return {
        name: field
        for name, field in found.items()
        if shown is None or (isinstance(field.meaning, OfRoot) and ROOT_OF[field.meaning.form] in shown)
    }


def _roots(scope: Scope) -> dict[str, FieldDef]:
    product, name, about = scope.product, scope.name, product_text(scope)
    if product.model is not None:
        return _predict(scope)
    found: dict[str, FieldDef] = {}
    if scope.key:
        by_key = {column.field: ArgumentDef(ref(f"{scope.value_type(column)}!")) for column in scope.key}
        text = f"One of {product.plural} by key; null unless exactly one row has it."
        found[product.singular] = FieldDef(ref(name), OfRoot(product, "key"), text, by_key)
    if scope.key and product.features is not None:
        found[f"{product.plural}ByKeys"] = FieldDef(
            ref(f"[{name}!]"),
            OfRoot(product, "keys"),
            f"{about}\n\nOne for each key, in the order of the keys; at most {scope.max_page_size}.",
            {"keys": ArgumentDef(ref(f"[{name}Key!]!"))},
            size=_as_many_as(scope, "keys"),
        )
    if scope.keyed:
        return found
    found[product.plural] = FieldDef(
        ref(f"{name}Connection"), OfRoot(product, "list"), about, list_arguments(product, scope), size=page_size(scope)
    )
    found[f"{product.plural}Aggregate"] = FieldDef(
        ref(f"{name}Aggregate"),
        OfRoot(product, "aggregate"),
        f"Figures over {product.plural}.",
        {"where": where_argument(product)},
    )
    if scope.groupable:
        found[f"{product.plural}Groups"] = FieldDef(
            ref(f"[{name}Group!]"), OfRoot(product, "groups"), f"Figures over groups of {product.plural}.",
            _group_arguments(scope), size=ListSize(_usual(scope), scope.max_page_size, ("first",)),
        )  # fmt: skip
    if scope.detokenizable:
        found[f"{product.plural}Detokenize"] = FieldDef(
            ref("String"),
            OfRoot(product, "detokenize"),
            "The value behind a token; null where no row of this caller has it.",
            {"column": ArgumentDef(ref(f"{name}TokenColumn!")), "token": ArgumentDef(ref("String!"))},
            weights.LOOK_UP,
        )
    return found


def _predict(scope: Scope) -> dict[str, FieldDef]:
    """A model's root: only for callers who may know all its inputs."""
    if not scope.key:
        return {}
    text = f"{product_text(scope)}\n\nOne scoring for each of the inputs, in their order, null where an input is; "
    field = FieldDef(
        ref(f"[{scope.name}]"),
        OfRoot(scope.product, "keys"),
        f"{text}at most {scope.max_page_size}.",
        {"inputs": ArgumentDef(ref(f"[{scope.name}Input!]!"))},
        size=_as_many_as(scope, "inputs"),
    )
    return {scope.product.singular: field}


def _group_arguments(scope: Scope) -> Mapping[str, ArgumentDef]:
    name = scope.name
    return {
        "by": ArgumentDef(ref(f"[{name}GroupBy!]!"), "What the rows of a group have in common."),
        "where": where_argument(scope.product),
        "having": ArgumentDef(ref(f"{name}Having"), "Only groups for which this holds."),
        "orderBy": ArgumentDef(ref(f"[{name}GroupOrderBy!]"), "Order, most significant first; then the key."),
        "first": ArgumentDef(ref("Int"), f"Groups; {scope.page_size} by default, at most {scope.max_page_size}."),
        "offset": ArgumentDef(ref("Int"), "Groups to skip."),
    }


def product_text(scope: Scope) -> str:
    """A product's description, and under it who answers for it and how it is classified."""
    product, lines = scope.product, []
    domain = scope.domain.description if scope.domain else ""
    lines.append(f"Product `{product.id}`." + (f" Domain: {domain}" if domain else ""))
    if product.owner:
        lines.append(f"Steward: {product.owner}.")
    if product.tags:
        lines.append(f"Tags: {', '.join(sorted(product.tags))}.")
    if product.model is not None:
        lines.append(f"Model version: {product.model.version}.")
        lines += [f"Intended use: {product.model.card.intended_use}"] if product.model.card.intended_use else []
    return "\n\n".join(part for part in (product.description, "\n".join(lines)) if part)


def column_text(column: Column) -> str:
    """A column's description and tags."""
    tags = f"Tags: {', '.join(sorted(column.tags))}." if column.tags else ""
    return "\n\n".join(part for part in (column.description, tags) if part)

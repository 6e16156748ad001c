"""Products: domains, tables, views, columns and relationships from all catalog files together.

1. Gather domains and products of all files; a name declared twice is CH204.
2. Read each product by itself: where it is, its key, its columns.
3. Read relationships against all products, and add the inverses to their targets.
4. Read the steward's SQL: what derived columns and views are made of; refuse cycles.
5. Let tags travel (`schema.propagate`).

The shape of every file has been checked before: what is missing or has the wrong kind is passed over here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from schema.catalog import Column, Domain, Product, Source
from schema.errors import LoadError, Place
from schema.load_keyed import check_sources, read_columns_of, read_keyed
from schema.load_partitions import read_partition
from schema.load_relationships import read_relationships
from schema.load_shape import clip, unknown
from schema.load_units import seconds
from schema.load_views import read_views
from schema.load_ways import check_ways
from schema.names import graphql_names, pascal
from schema.propagate import propagate
from schema.types import Kind
from schema.yaml_source import Entries, Items, Scalar, texts_of

UNFIT_KEYS = frozenset({Kind.JSON, Kind.ARRAY, Kind.STRUCT, Kind.FLOAT, Kind.INTERVAL, Kind.BYTES})
"""Kinds that do not tell rows apart the same way on every engine."""


@dataclass(slots=True)
class Drafts:
    """Products while they are read. ``nodes`` are the YAML mappings they came from."""

    domains: dict[str, Domain] = field(default_factory=dict)
    products: dict[str, Product] = field(default_factory=dict)
    nodes: dict[str, Entries] = field(default_factory=dict)


def read_products(
    files: Iterable[Entries], sources: Mapping[str, Source], errors: list[LoadError]
) -> tuple[Mapping[str, Domain], Mapping[str, Product]]:
    """Read all catalog files. The result is complete only where no error was said."""
    drafts = Drafts()
    files = list(files)
    for file in files:
        for name, place, node in file.map("domains").maps():
            _declare("domain", name, place, {d.name: d.place for d in drafts.domains.values()}, errors)
            drafts.domains.setdefault(name, _domain(name, place, node))
    for file in files:
        for id_, place, node in file.map("products").maps():
            known = drafts.products.get(id_)
            if known is not None:
                _declare("product", id_, place, {id_: known.place}, errors)
                continue
            drafts.products[id_] = _product(id_, place, node, drafts.domains, errors)
            drafts.nodes[id_] = node
    _sources(drafts, sources, errors)
    drafts.products = read_relationships(drafts.products, drafts.nodes, errors)
    drafts.products, behind = read_views(drafts.products, drafts.nodes, sources, errors)
    check_sources(drafts.products, drafts.nodes, sources, errors)
    check_ways(drafts.products, sources, errors)
    tags = propagate(drafts.products, behind)
    return drafts.domains, {id_: _tagged(product, tags) for id_, product in drafts.products.items()}


def _declare(what: str, name: str, place: Place, known: Mapping[str, Place], errors: list[LoadError]) -> None:
    if name in known:
        sentence = f"The {what} '{clip(name)}' is declared a second time; the first is at {known[name]}."
        errors.append(LoadError(place, "CH204", sentence, "Remove one of the two."))


def tags_of(node: Entries) -> frozenset[str]:
    return frozenset(text for text, _ in node.texts("tags"))


def _domain(name: str, place: Place, node: Entries) -> Domain:
    return Domain(name, place, node.text("description") or "", node.text("steward") or "", tags_of(node))


def _product(id_: str, place: Place, node: Entries, domains: Mapping[str, Domain], errors: list[LoadError]) -> Product:
    domain_name, _, name = id_.partition(".")
    domain = domains.get(domain_name)
    if domain is None and name:
        hint = "Declare it under 'domains:', with its steward."
        errors.append(unknown(place, "domain", domain_name, domains, hint=hint))
    tags = tags_of(node) | (domain.tags if domain else frozenset())
    columns = read_columns_of(id_, node, tags, errors)
    names = node.map("graphql")
    one, many, type_name = graphql_names(name or id_)
    singular = names.text("singular")
    freshness = node.text("freshness")
    product = Product(
        id=id_,
        domain=domain_name,
        name=name,
        source=node.text("source") or "",
        key=tuple(text for text, _ in node.texts("key")),
        columns=columns,
        relationships={},
        place=place,
        type_name=names.text("type") or (pascal(singular) if singular and not node.has("model") else type_name),
        singular=singular or (f"predict{type_name}" if node.has("model") else one),
        plural=names.text("plural") or many,
        physical=_table(node, errors),
        view=node.text("view"),
        description=node.text("description") or "",
        tags=tags,
        owner=node.text("owner") or (domain.steward if domain else ""),
        freshness=None if freshness is None else seconds(freshness),
        cache=node.flag("cache", False),
        entitlement=node.flag("entitlement", False),
        rows=node.whole("rows", 0) if node.has("rows") else None,
        cost=node.whole_if_said("cost"),
    )
    if not node.has("model"):
        _where(product, node, errors)
        _key(product, node, errors)
        _cache(product, node, errors)
        product = read_partition(product, node, errors)
    return read_keyed(product, node, errors)


def _table(node: Entries, errors: list[LoadError]) -> tuple[str, ...]:
    table = node.get("table")
    if isinstance(table, Items):
        return tuple(text for text, _ in texts_of(table))
    if not isinstance(table, Scalar) or not isinstance(table.value, str):
        return ()
    if "." in table.value:
        parts = ", ".join(table.value.split("."))
        hint = f"Write [{clip(parts)}], or a list of one for a name with a dot in it."
        errors.append(LoadError(table.place, "CH216", f"The table '{clip(table.value)}' has a dot in its name.", hint))
    return (table.value,)


def _where(product: Product, node: Entries, errors: list[LoadError]) -> None:
    if node.has("table") == node.has("view"):
        what = "both a table and a view" if node.has("table") else "neither a table nor a view"
        place = node.at("view") if node.has("view") else product.place
        sentence = f"The product '{product.id}' is {what}."
        errors.append(LoadError(place, "CH216", sentence, "Give it 'table:' or 'view:'."))


def _cache(product: Product, node: Entries, errors: list[LoadError]) -> None:
    if not product.cache:
        return
    if product.entitlement:
        sentence = f"The entitlement '{product.id}' says 'cache: true'."
        hint = "Remove it: what policies look up is kept for its 'freshness' in any case, and never as a result."
        errors.append(LoadError(node.at("cache"), "CH216", sentence, hint))
    elif not node.has("freshness"):
        sentence = f"The product '{product.id}' says 'cache: true', but not how old its rows may be."
        hint = "Add 'freshness:', such as 30s, or remove 'cache:'."
        errors.append(LoadError(node.at("cache"), "CH216", sentence, hint))


def _sources(drafts: Drafts, sources: Mapping[str, Source], errors: list[LoadError]) -> None:
    for product in drafts.products.values():
        node = drafts.nodes[product.id]
        if product.source and product.source not in sources:
            hint = "Declare it under 'sources:' in customhouse.yaml."
            errors.append(unknown(node.at("source"), "source", product.source, sources, hint=hint))
        elif not node.has("source") and not node.has("view"):
            hint = f"Add 'source:', one of {', '.join(sources)}." if sources else "Declare one in customhouse.yaml."
            sentence = f"The product '{product.id}' does not say which source it is in."
            errors.append(LoadError(product.place, "CH216", sentence, hint))


def _key(product: Product, node: Entries, errors: list[LoadError]) -> None:
    if not node.has("key") and not product.entitlement:
        sentence = f"The product '{product.id}' has no key."
        hint = "Add 'key:', the columns that tell its rows apart; pages and look-ups need it."
        errors.append(LoadError(product.place, "CH213", sentence, hint))
    seen = set()
    for name, place in node.texts("key"):
        column = product.columns.get(name)
        if column is None:
            if product.columns:
                errors.append(unknown(place, "column", name, product.columns, f" in '{product.id}'"))
        elif name in seen:
            errors.append(LoadError(place, "CH213", f"The key of '{product.id}' names '{name}' twice.", "Remove one."))
        elif column.type.kind in UNFIT_KEYS:
            sentence = f"The key column '{name}' of '{product.id}' has the type {column.type}, which cannot be a key."
            hint = "Use a column of text, a whole number, a decimal, a date, a time or a uuid."
            errors.append(LoadError(place, "CH213", sentence, hint))
        seen.add(name)


def _tagged(product: Product, tags: Mapping[tuple[str, str], frozenset[str]]) -> Product:
    columns: dict[str, Column] = {}
    for name, column in product.columns.items():
        found = tags.get((product.id, name), frozenset())
        columns[name] = column if found == column.tags else replace(column, tags=found)
    return replace(product, columns=columns)

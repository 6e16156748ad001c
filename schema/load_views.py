"""Views: the products they name, all of one source, and the columns behind each of their outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from schema.catalog import Product, Source
from schema.errors import LoadError
from schema.load_columns import cycles
from schema.load_shape import clip
from schema.load_sql import Origin, ViewParts, view_parts
from schema.names import did_you_mean
from schema.yaml_source import Entries

Behind = dict[Origin, frozenset[Origin]]


def read_views(
    products: Mapping[str, Product],
    nodes: Mapping[str, Entries],
    sources: Mapping[str, Source],
    errors: list[LoadError],
) -> tuple[dict[str, Product], Behind]:
    """The products with what their views name, and the columns behind every output of a view."""
    found = dict(products)
    known = {id_: product.columns for id_, product in products.items()}
    behind: Behind = {}
    readable: set[str] = set()
    for id_, product in products.items():
        text = nodes[id_].scalar("view")
        if product.view is None or text is None:
            continue
        parts = view_parts(text, f"'{id_}'", known, errors)
        found[id_] = replace(product, view_inputs=parts.products)
        if parts.readable:
            readable.add(id_)
            _outputs(product, parts, nodes[id_], errors)
            behind |= _behind(product, parts, products)
    views = {id_: frozenset(product.view_inputs) for id_, product in found.items()}
    for circle in cycles(views):
        sentence = f"The views go round in a circle: {' -> '.join((*circle, circle[0]))}."
        errors.append(LoadError(nodes[circle[0]].at("view"), "CH221", sentence, "Build one of them on tables alone."))
    _settle(found, nodes, sources, readable, errors)
    return found, behind


def _outputs(product: Product, parts: ViewParts, node: Entries, errors: list[LoadError]) -> None:
    declared = {name: column for name, column in product.columns.items() if column.expression is None}
    for name, column in declared.items():
        if name not in parts.outputs:
            hint = did_you_mean(name, parts.outputs) or f"Name an output of the view '{name}' with AS."
            sentence = f"The view '{product.id}' has no output '{name}'."
            errors.append(LoadError(column.place, "CH224", sentence, hint))
    for name in parts.outputs:
        if name not in declared:
            sentence = f"The output '{clip(name)}' of the view '{product.id}' is not declared as a column."
            hint = "Declare it under 'columns:' with its type, or leave it out of the view."
            errors.append(LoadError(node.at("view"), "CH224", sentence, hint))


def _behind(product: Product, parts: ViewParts, products: Mapping[str, Product]) -> Behind:
    everything = frozenset((id_, name) for id_ in parts.products for name in products[id_].columns)
    return {
        (product.id, name): everything if origins is None else origins
        for name, origins in parts.outputs.items()
        if name in product.columns
    }


def _settle(
    found: dict[str, Product],
    nodes: Mapping[str, Entries],
    sources: Mapping[str, Source],
    readable: set[str],
    errors: list[LoadError],
) -> None:
    """Give each view the source of its products; CH223 where there are several, or another is declared."""
    for id_, product in found.items():
        if product.view is None:
            continue
        used = sorted(_sources(id_, found, set()))
        place = nodes[id_].at("source" if nodes[id_].has("source") else "view")
        if len(used) > 1:
            sentence = f"The view '{id_}' reads from several sources: {', '.join(used)}."
            hint = "Build it on one source, and join across sources with relationships."
            errors.append(LoadError(place, "CH223", sentence, hint))
        elif used and product.source not in ("", used[0]) and product.source in sources:
            sentence = f"The view '{id_}' declares the source '{product.source}', but reads from '{used[0]}'."
            errors.append(LoadError(place, "CH223", sentence, "Remove 'source:': it follows from the products."))
        elif not used and id_ in readable and product.view_inputs == ():
            sentence = f"The view '{id_}' reads from no product."
            errors.append(LoadError(place, "CH223", sentence, "Name a product in FROM."))
        elif used:
            found[id_] = replace(product, source=used[0])


def _sources(id_: str, products: Mapping[str, Product], seen: set[str]) -> set[str]:
    """The sources of the tables behind a view."""
    product = products[id_]
    if product.view is None:
        return {product.source} - {""}
    seen.add(id_)
    found: set[str] = set()
    for name in product.view_inputs:
        if name not in seen:
            found |= _sources(name, products, seen)
    return found

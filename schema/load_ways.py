"""Ways to what is found by key: each leads from a row to the whole key of one entity, or to all inputs of a model.

Inputs of a model may come from further away, over relationships that lead to one row each, also from other models, but
never round in a circle.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from schema.catalog import Column, Product, Relationship, Source
from schema.errors import LoadError
from schema.load_columns import cycles
from schema.types import NUMERIC, Type


def check_ways(products: Mapping[str, Product], sources: Mapping[str, Source], errors: list[LoadError]) -> None:
    """CH248 for every way that cannot be taken."""
    uses: dict[str, frozenset[str]] = {}
    for product in products.values():
        for way in product.relationships.values():
            target = products[way.target]
            source = sources.get(target.source)
            if way.calls:
                _fed(product, way, target, products, errors)
                uses[way.id] = frozenset(_models(product, way, products))
            elif source is not None and source.keyed:
                _whole_key(way, target, errors)
            elif (own := sources.get(product.source)) is not None and own.keyed and product.relationships:
                sentence = f"'{way.id}' leads away from '{product.id}', which is found by key alone."
                errors.append(LoadError(way.place, "CH248", sentence, "Remove it, or the 'inverse:' that made it."))
    for circle in cycles(uses):
        way = next(w for p in products.values() for w in p.relationships.values() if w.id == circle[0])
        sentence = f"The models feed each other in a circle: {' -> '.join((*circle, circle[0]))}."
        errors.append(LoadError(way.place, "CH248", sentence, "Feed one of them from columns alone."))


def _whole_key(way: Relationship, target: Product, errors: list[LoadError]) -> None:
    there = {name for _, name in way.pairs}
    if way.cardinality != "one" or there != set(target.key):
        sentence = f"'{way.id}' leads to '{target.id}', which is found by its whole key alone."
        hint = f"Give a column for each of {', '.join(target.key)}, and no 'many:'."
        errors.append(LoadError(way.place, "CH248", sentence, hint))


def _fed(
    product: Product, way: Relationship, target: Product, products: Mapping[str, Product], errors: list[LoadError]
) -> None:
    model = target.model
    feeds = way.feeds()
    if model is None:
        return
    missing = [name for name in model.inputs if name not in feeds and name not in model.nullable]
    if missing:
        sentence = f"'{way.id}' gives the model '{target.id}' nothing for {', '.join(missing)}."
        errors.append(LoadError(way.place, "CH248", sentence, "Add 'column: input' under 'on:'."))
    if way.cardinality != "one":
        sentence = f"'{way.id}' leads to many rows, but a model gives one."
        errors.append(LoadError(way.place, "CH248", sentence, "Remove 'many:'."))
    for name, path in feeds.items():
        column, fault = _at_end(product, path, products)
        if column is None:
            errors.append(LoadError(way.place, "CH248", f"'{'.'.join(path)}' in '{way.id}' {fault}."))
        elif not _goes_into(column.type, target.columns[name].type):
            sentence = f"'{way.id}' gives {column.type} '{'.'.join(path)}' to {target.columns[name].type} '{name}'."
            errors.append(LoadError(way.place, "CH248", sentence, "Feed inputs from columns of the same type."))


def _at_end(product: Product, path: tuple[str, ...], products: Mapping[str, Product]) -> tuple[Column | None, str]:
    """The column at the end of a path, or what is wrong with it."""
    for name in path[:-1]:
        way = product.relationships.get(name)
        if way is None:
            return None, f"names no relationship '{name}' of '{product.id}'"
        if way.cardinality != "one":
            return None, f"leads to many rows over '{name}'"
        product = products[way.target]
    column = product.columns.get(path[-1])
    if column is not None and product.model is not None and path[-1] not in product.model.outputs:
        return None, f"names '{path[-1]}', which is no output of '{product.id}'"
    return column, f"names no column '{path[-1]}' of '{product.id}'"


def _goes_into(given: Type, wanted: Type) -> bool:
    return given.kind is wanted.kind or (given.kind in NUMERIC and wanted.kind in NUMERIC)


def _models(product: Product, way: Relationship, products: Mapping[str, Product]) -> Iterator[str]:
    """The ways to other models on the paths of a way's inputs."""
    for path, _ in way.paths:
        at = product
        for name in path[:-1]:
            step = at.relationships.get(name)
            if step is None:
                break
            if step.calls:
                yield step.id
            at = products[step.target]

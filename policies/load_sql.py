"""The steward's SQL in the catalog: derived columns and views, checked against the types and tags they declare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.fault import Fault
from policies.predicate import as_declared, read_expression
from policies.view import View, read_view
from schema.catalog import Catalog, Column, Product
from schema.errors import LoadError

Spot = tuple[str, str]
"""A product id and a column of it."""


@dataclass(frozen=True, slots=True)
class StewardSql:
    """``derived``: product -> column -> expression over bare columns. ``views``: product -> SELECT over products.
    ``behind``: the columns that a derived column, or one of a view, is made of."""

    derived: Mapping[str, Mapping[str, exp.Expression]]
    views: Mapping[str, exp.Select]
    behind: Mapping[Spot, frozenset[Spot]]


def read_steward_sql(catalog: Catalog, errors: list[LoadError]) -> StewardSql:
    """Check everything; what is wrong goes to ``errors`` and is left out of the result."""
    derived = {product.id: _derived(product, errors) for product in catalog.products.values()}
    views: dict[str, View] = {}
    for product in catalog.products.values():
        view = _view(product, catalog, errors) if product.view is not None else None
        if view is not None:
            views[product.id] = view
    reads = {name: view.products for name, view in views.items()}
    for name in _circular(reads):
        place = catalog.products[name].place
        errors.append(LoadError(place, "CH421", f"The view {name} reads itself.", "Views may not form a circle."))
        del views[name]
    return StewardSql(
        {k: v for k, v in derived.items() if v},
        {name: view.select for name, view in views.items()},
        {spot: inputs for product in catalog.products.values() for spot, inputs in _behind(product, views)},
    )


def _behind(product: Product, views: Mapping[str, View]) -> Iterator[tuple[Spot, frozenset[Spot]]]:
    view = views.get(product.id)
    for column in product.columns.values():
        if column.expression is not None:
            yield (product.id, column.name), frozenset((product.id, name) for name in column.inputs)
        elif view is not None and column.physical in view.inputs:
            yield (product.id, column.name), view.inputs[column.physical]


def _derived(product: Product, errors: list[LoadError]) -> dict[str, exp.Expression]:
    columns = {name: column.type for name, column in product.columns.items()}
    found: dict[str, exp.Expression] = {}
    inputs: dict[str, frozenset[str]] = {}
    for column in product.columns.values():
        if column.expression is None:
            continue
        try:
            term, names = read_expression(column.expression, columns)
            found[column.name] = as_declared(term, column.type).sql
            inputs[column.name] = frozenset(names.columns)
            _keeps_tags(column, f"{product.id}.{column.name}", (product.columns[n] for n in names.columns))
        except Fault as fault:
            errors.append(fault.at(column.place, f"Column {product.id}.{column.name}: "))
    for name in _circular(inputs):
        sentence = f"The derived column {product.id}.{name} is computed from itself."
        errors.append(
            LoadError(product.columns[name].place, "CH421", sentence, "Derived columns may not form a circle.")
        )
        del found[name]
    return found


def _view(product: Product, catalog: Catalog, errors: list[LoadError]) -> View | None:
    try:
        view = read_view(product.view or "", catalog)
        sources = {catalog.products[name].source for name in view.products}
        if sources != {product.source}:
            raise Fault("CH420", f"The view reads source '{sources.pop()}', but is declared in '{product.source}'.")
    except Fault as fault:
        errors.append(fault.at(product.place, f"View {product.id}: "))
        return None
    for column in product.columns.values():
        try:
            if column.expression is None:
                _view_column(column, product, view, catalog)
        except Fault as fault:
            errors.append(fault.at(column.place, f"View {product.id}: "))
    return view


def _view_column(column: Column, product: Product, view: View, catalog: Catalog) -> None:
    term = view.types.get(column.physical)
    if term is None:
        raise Fault(
            "CH420", f"The view's SELECT gives no column '{column.physical}'.", f"It gives {', '.join(view.types)}."
        )
    as_declared(term, column.type)
    inputs = (catalog.products[owner].columns[name] for owner, name in view.inputs[column.physical])
    _keeps_tags(column, f"{product.id}.{column.name}", inputs)


def _keeps_tags(column: Column, name: str, inputs: Iterable[Column]) -> None:
    """What a value is made of stays sensitive: its tags are inherited unless the steward declassified it."""
    missing = {tag for source in inputs for tag in source.tags} - column.tags
    if missing and column.declassify is None:
        hint = f"Add tags: [{', '.join(sorted(missing))}], or declassify: {{reason: ..}}."
        raise Fault("CH422", f"'{name}' lacks the tags of the columns that it is made of.", hint)


def _circular(reads: Mapping[str, frozenset[str]]) -> list[str]:
    """The names that lead back to themselves."""
    found = []
    for start in reads:
        seen: set[str] = set()
        waiting = list(reads[start])
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += reads.get(name, frozenset())
        if start in seen:
            found.append(start)
    return found

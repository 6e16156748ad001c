"""Freshness: for how long a statement's result may be used again. As long as the strictest product it reads allows.

A product allows it with `cache: true`, for its `freshness`. The result of a statement that reads one which does not say
so is not kept, whether the product is asked for, followed to, inside a view, or read by a row filter.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlglot import exp

from schema.catalog import Catalog


def freshness(products: Iterable[str], catalog: Catalog) -> float | None:
    """Seconds for which a result made of these products may be used again; None where one of them does not allow it,
    or there are none. What a view reads counts too."""
    least: float | None = None
    for id_ in _unfolded(products, catalog):
        product = catalog.products.get(id_)
        if product is None or not product.cache or not product.freshness:
            return None
        least = product.freshness if least is None else min(least, product.freshness)
    return least


def statement_freshness(named: Iterable[str], statement: exp.Expression, source: str, catalog: Catalog) -> float | None:
    """The same for a governed statement of one source: ``named`` are the products of its blocks, and to them come those
    that its policies read, told by the tables in it. A table that no product of theirs can have brought keeps it from
    being kept."""
    products = _unfolded(named, catalog)
    tables = _tables(products, source, catalog)
    expressions = {cte.alias for cte in statement.find_all(exp.CTE)}
    read = set(products)
    for table in statement.find_all(exp.Table):
        path = tuple(part for part in (table.catalog, table.db, table.name) if part)
        if path in tables:
            read |= tables[path]
        elif len(path) != 1 or table.name not in expressions:
            return None
    return freshness(read, catalog)


def _tables(products: frozenset[str], source: str, catalog: Catalog) -> dict[tuple[str, ...], set[str]]:
    """The tables in a source that may stand in a statement about these products, with the products they are: their own,
    and those that a policy may reach over one relationship."""
    found = [catalog.products[id_] for id_ in products if id_ in catalog.products]
    near = [catalog.products[relationship.target] for one in found for relationship in one.relationships.values()]
    tables: dict[tuple[str, ...], set[str]] = {}
    for product in (*found, *near):
        if product.physical and product.source == source:
            tables.setdefault(product.physical, set()).add(product.id)
    return tables


def _unfolded(products: Iterable[str], catalog: Catalog) -> frozenset[str]:
    """These products and those inside their views, at any depth."""
    found = set(products)
    waiting = list(found)
    while waiting:
        product = catalog.products.get(waiting.pop())
        for id_ in product.view_inputs if product is not None else ():
            if id_ not in found:
                found.add(id_)
                waiting.append(id_)
    return frozenset(found)

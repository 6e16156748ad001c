"""Tags travel to a fixed point.

- A column has its own tags, its product's and its domain's.
- The two columns of a key pair of a relationship share their tags: a masked key is masked on both sides.
- A model that gets raw inputs hands their tags to its inputs, and from there to every output that the steward does not
  declassify. One that gets the caller's view of them does not: it knows no more than the caller.
- A derived column, and an output of a view, has the tags of what it is made of, unless the steward declassifies it.

Each tag is walked once from the columns that have it, so the cost is tags times edges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from schema.catalog import Column, Product, Relationship

Spot = tuple[str, str]
"""A product id and a column of it."""


def propagate(products: Mapping[str, Product], behind: Mapping[Spot, Iterable[Spot]]) -> dict[Spot, frozenset[str]]:
    """The tags of every column. ``behind`` gives the columns each view output is made of."""
    edges: dict[Spot, set[Spot]] = defaultdict(set)
    start: dict[str, set[Spot]] = defaultdict(set)
    for product in products.values():
        for column in product.columns.values():
            spot = (product.id, column.name)
            for tag in column.tags:
                start[tag].add(spot)
            if column.declassify is None:
                for source in (*_inputs(product, column), *behind.get(spot, ())):
                    edges[source].add(spot)
        for relationship in product.relationships.values():
            for one, other in _over(relationship, products):
                edges[one].add(other)
    found: dict[Spot, set[str]] = defaultdict(set)
    for tag, spots in start.items():
        for spot in _reached(spots, edges):
            found[spot].add(tag)
    return {spot: frozenset(tags) for spot, tags in found.items()}


def _inputs(product: Product, column: Column) -> Iterator[Spot]:
    """The columns of a product that one of it is made of."""
    names = column.inputs
    if product.model is not None and product.model.raw is not None and column.name in product.model.outputs:
        names = frozenset(product.model.inputs)
    return ((product.id, name) for name in names)


def _over(relationship: Relationship, products: Mapping[str, Product]) -> Iterator[tuple[Spot, Spot]]:
    """From where to where a relationship carries tags: both ways, but into a model only, and only into a raw one."""
    model = products[relationship.target].model
    for here, there in relationship.pairs:
        near, far = (relationship.owner, here), (relationship.target, there)
        if model is None or model.raw is not None:
            yield near, far
        if model is None:
            yield far, near


def _reached(spots: set[Spot], edges: Mapping[Spot, set[Spot]]) -> set[Spot]:
    seen, queue = set(spots), list(spots)
    while queue:
        for following in edges.get(queue.pop(), ()):
            if following not in seen:
                seen.add(following)
                queue.append(following)
    return seen

"""Weights: what fields and rows cost, from the catalog (the IBM draft of GraphQL cost directives).

An operation costs the sum over its fields: so many times as a field is answered, its weight and what is selected in it.
Values cost nothing; a row, and whatever else is an object, costs 1 where nothing else is said here or in the catalog
(``cost:`` of a product, a relationship, a column). What only groups other fields costs nothing.
"""

from __future__ import annotations

from schema.catalog import Column, Product, Relationship

OBJECT = 1
"""An object of whose weight nothing is said: that is the draft's default."""
VALUE = 0
"""A value of whose weight nothing is said."""
PART = 0
"""What groups fields: an edge, a page's information, sums, the key of a group, a struct."""
FEATURES, SCORING = 2, 10
"""A row of a feature view, a scoring of a model."""
FIGURES = 10
"""Figures over rows, a count of them included: they are read, however many there are."""
LOOK_UP = 1
"""A value that is found by a token."""


def row(product: Product) -> int | None:
    """The weight of a row; None: the usual one."""
    if product.cost is not None:
        return product.cost
    if product.model is not None:
        return SCORING
    return FEATURES if product.features is not None else None


def value(column: Column) -> int | None:
    """The weight of a column's value; None: the usual one."""
    return column.cost


def way(relationship: Relationship) -> int | None:
    """The weight of following a relationship, once; None: that of what it leads to."""
    return relationship.cost


def figures(relationship: Relationship) -> int | None:
    """The weight of figures over a relationship; None: the usual one."""
    return None if relationship.cost is None else max(FIGURES, relationship.cost)

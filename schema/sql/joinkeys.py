"""Join keys: what a relationship looks like in SQL, where nobody may name a raw key.

A relationship ``flights.plane`` is a column ``plane__key`` of flights, and a column of planes: ``flights__key`` where
planes has the way back, else ``operations_flights_plane__key``. Their values are keyed hashes of the key, the same on
both sides of one link (`JoinKey.link`) and different between links, so they join and tell nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from schema.catalog import Catalog, Product, Relationship
from schema.visible import VisibleSet

SUFFIX = "__key"


@dataclass(frozen=True, slots=True)
class JoinKey:
    """A join key column. ``relationship`` is the id of the way it stands for; ``far``: on its target's side."""

    name: str
    relationship: str
    far: bool
    link: str

    def mate(self, other: JoinKey) -> bool:
        """Whether the two columns are the two sides of one link."""
        return self.link == other.link and self != other


def join_keys(catalog: Catalog, visible: VisibleSet, product: Product) -> list[JoinKey]:
    """The join key columns of a product for whoever may know these names; none that has the name of a column."""
    found: dict[str, JoinKey] = {}
    links: set[str] = set()
    for way in product.relationships.values():
        if visible.relationship(product.id, way.name) and joins(catalog, way):
            key = JoinKey(way.name + SUFFIX, way.id, False, link(way))
            found.setdefault(key.name, key)
            links.add(key.link)
    for owner in catalog.products.values():
        for way in owner.relationships.values():
            if way.target != product.id or not visible.relationship(owner.id, way.name) or not joins(catalog, way):
                continue
            name = link(way)
            if name not in links or owner.id == product.id:
                key = JoinKey(way.id.replace(".", "_") + SUFFIX, way.id, True, name)
                found.setdefault(key.name, key)
                links.add(name)
    return [key for key in found.values() if key.name not in product.columns]


def joins(catalog: Catalog, way: Relationship) -> bool:
    """Whether a relationship can be joined over: both ends are rows of tables, and its keys are of their own."""
    return bool(way.pairs) and not way.calls and not catalog.keyed(way.target) and not catalog.keyed(way.owner)


def link(way: Relationship) -> str:
    """What a relationship and the way back have in common: the columns of both ends, pair by pair."""
    return ";".join(sorted(_pairs(way)))


def same_link(catalog: Catalog, way: Relationship) -> list[Relationship]:
    """The relationships that are one link: this one, and those that lead the same way or back."""
    ends = (catalog.products[way.owner], catalog.products[way.target])
    found = {other.id: other for end in ends for other in end.relationships.values()}
    return [other for other in found.values() if other.pairs and link(other) == link(way)]


def pair_order(way: Relationship) -> list[int]:
    """The order of a relationship's pairs that the way back has too."""
    pairs = _pairs(way)
    return sorted(range(len(pairs)), key=pairs.__getitem__)


def _pairs(way: Relationship) -> list[str]:
    return ["=".join(sorted((f"{way.owner}.{here}", f"{way.target}.{there}"))) for here, there in way.pairs]

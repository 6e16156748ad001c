"""The names a caller may know: what `policies.visible` hands to front ends, which stay policy-blind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VisibleSet:
    """Columns by product id, relationships by product id. Names only, no rules.

    A relationship is visible when its target product is. ``digest`` keys everything derived from this set.
    """

    zone: str
    columns: Mapping[str, frozenset[str]]
    relationships: Mapping[str, frozenset[str]]
    digest: str

    def product(self, id_: str) -> bool:
        return id_ in self.columns

    def column(self, product: str, name: str) -> bool:
        return name in self.columns.get(product, frozenset())

    def relationship(self, product: str, name: str) -> bool:
        return name in self.relationships.get(product, frozenset())

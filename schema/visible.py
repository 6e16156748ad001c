"""The names a caller may know: what `policies.visible` hands to front ends, which stay policy-blind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VisibleSet:
    """Columns by product id, relationships by product id. Names only, no rules.

    A relationship is visible when its target product is, and the key columns on both sides are (or the catalog lets it
    be followed without). ``detokenizable`` are the columns, by product, whose tokens
    the caller may look up; a product without one is not in it. ``digest`` keys everything derived from this set.
    ``suggests``: a name that is not there may be answered with the nearest that is.
    """

    zone: str
    columns: Mapping[str, frozenset[str]]
    relationships: Mapping[str, frozenset[str]]
    digest: str
    detokenizable: Mapping[str, frozenset[str]] = field(default_factory=dict)
    suggests: bool = True

    def product(self, id_: str) -> bool:
        return id_ in self.columns

    def column(self, product: str, name: str) -> bool:
        return name in self.columns.get(product, frozenset())

    def relationship(self, product: str, name: str) -> bool:
        return name in self.relationships.get(product, frozenset())

"""The dictionary: what exists, as one caller may know it (`GET /catalog`, `customhouse dictionary`).

Made of names the caller's `VisibleSet` holds and of nothing else: a hidden column, product, relationship or domain is
absent, and so is a key part or a relationship's column pair that names one. Steward's SQL, sources and physical names
never stand in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from schema.catalog import Catalog, Column, Domain, Product, Relationship
from schema.visible import VisibleSet

State = Literal["clear", "masked", "conditional"]
Json = dict[str, object]

FORM = 1
"""The version of the dictionary's form; a name is never given another meaning within one."""


@dataclass(frozen=True, slots=True)
class ColumnState:
    """How the caller meets a column. ``mask`` is the kind of what may stand in the value's place, ``spec`` its
    arguments in words, ``preserves`` what comparing masked values still tells."""

    state: State
    mask: str | None = None
    spec: str | None = None
    preserves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductState:
    """How the caller meets a product. ``min_group``: no number over fewer entities. ``rows``: it may be read by row."""

    columns: Mapping[str, ColumnState] = field(default_factory=dict)
    min_group: int | None = None
    rows: bool = True


def dictionary(catalog: Catalog, zone: str, visible: VisibleSet, states: Mapping[str, ProductState]) -> Json:
    """The dictionary of a zone for one caller. ``states`` by product id; a visible column without one is left out."""
    writer = _Writer(catalog, visible, states)
    products = [product for product in catalog.published(zone) if visible.product(product.id)]
    domains = dict.fromkeys(product.domain for product in products)
    return {
        "form": FORM,
        "zone": zone,
        "domains": [_domain(catalog.domains[name]) for name in domains],
        "products": [writer.product(product) for product in products],
    }


def _domain(domain: Domain) -> Json:
    return {
        "name": domain.name,
        "description": domain.description,
        "steward": domain.steward,
        "tags": sorted(domain.tags),
    }


@dataclass(frozen=True, slots=True)
class _Writer:
    catalog: Catalog
    visible: VisibleSet
    states: Mapping[str, ProductState]

    def product(self, product: Product) -> Json:
        state = self.states.get(product.id, ProductState())
        group = None if state.min_group is None else {"k": state.min_group, "rows": state.rows}
        return {
            "id": product.id,
            "domain": product.domain,
            "description": product.description,
            "owner": product.owner or self.catalog.domains[product.domain].steward,
            "tags": sorted(product.tags),
            "freshness_seconds": product.freshness,
            "key": [name for name in product.key if self.visible.column(product.id, name)],
            "graphql": {"one": product.singular, "many": product.plural, "type": product.type_name},
            "min_group": group,
            "features": _features(product, self.visible),
            "model": _model(product, self.visible),
            "columns": [
                _column(column, state.columns[name])
                for name, column in product.columns.items()
                if self.visible.column(product.id, name) and name in state.columns
            ],
            "relationships": [
                self.relationship(relationship)
                for name, relationship in product.relationships.items()
                if self.visible.relationship(product.id, name)
            ],
        }

    def relationship(self, relationship: Relationship) -> Json:
        """Its columns are named only where the caller may know both ends of every pair."""
        known = all(
            self.visible.column(relationship.owner, here) and self.visible.column(relationship.target, there)
            for here, there in relationship.pairs
        )
        return {
            "name": relationship.name,
            "field": relationship.field,
            "to": relationship.target,
            "cardinality": relationship.cardinality,
            "description": relationship.description,
            "on": [{"column": here, "target": there} for here, there in relationship.pairs] if known else None,
        }


def _features(product: Product, visible: VisibleSet) -> Json | None:
    """How old a feature view's rows may be, and which column tells."""
    view = product.features
    if view is None:
        return None
    known = view.event_time is not None and visible.column(product.id, view.event_time)
    return {"event_time": view.event_time if known else None, "ttl_seconds": view.ttl}


def _model(product: Product, visible: VisibleSet) -> Json | None:
    """A model's card."""
    model = product.model
    if model is None:
        return None
    card = model.card
    return {
        "version": model.version,
        "inputs": [name for name in model.inputs if visible.column(product.id, name)],
        "outputs": [name for name in model.outputs if visible.column(product.id, name)],
        "deterministic": model.deterministic,
        "training_data": card.training_data,
        "intended_use": card.intended_use,
        "registry": card.registry,
        "metrics": dict(card.metrics),
    }


def _column(column: Column, state: ColumnState) -> Json:
    mask = None
    if state.mask is not None:
        mask = {"kind": state.mask, "how": state.spec or "", "preserves": list(state.preserves)}
    return {
        "name": column.name,
        "field": column.field,
        "type": str(column.type),
        "description": column.description,
        "tags": sorted(column.tags),
        "filterable": column.filterable,
        "sortable": column.sortable,
        "groupable": column.groupable,
        "derived": column.expression is not None,
        "state": state.state,
        "mask": mask,
    }

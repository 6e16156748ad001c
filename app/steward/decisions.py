"""Decisions outside a request: what one caller may see of each product of a zone, by the gate's own rules."""

from __future__ import annotations

import time
from collections.abc import Mapping

from policies.condition import Moment
from policies.decide import TableDecision, decide
from policies.explain_column import applying
from policies.govern import localized
from policies.guard import guard_tuple
from policies.privacy import strongest
from policies.rules import PolicySet, ProductRules
from schema.caller import Caller
from schema.catalog import Catalog, Product
from schema.dictionary import ColumnState, ProductState, State


def now(catalog: Catalog, zone: str) -> Moment:
    """The moment of a decision that is made by hand."""
    return Moment(int(time.time() // 60), catalog.zones[zone].region)


def rules_of(policies: PolicySet, zone: str, product: str) -> ProductRules:
    return policies.rules.get(zone, {}).get(product, ProductRules(product))


def decision(catalog: Catalog, policies: PolicySet, product: Product, caller: Caller, moment: Moment) -> TableDecision:
    """The decision on all columns of a product."""
    rules = rules_of(policies, caller.zone, product.id)
    here = localized(product, rules, catalog, caller.zone)
    return decide(rules, guard_tuple(rules, caller, moment), frozenset(product.columns), here)


def decisions(catalog: Catalog, policies: PolicySet, caller: Caller, moment: Moment) -> dict[str, TableDecision]:
    """The decisions on everything the caller's zone publishes, by product id."""
    return {
        product.id: decision(catalog, policies, product, caller, moment) for product in catalog.published(caller.zone)
    }


def states(found: Mapping[str, TableDecision]) -> dict[str, ProductState]:
    """The decisions as the dictionary tells them."""
    return {name: _state(one) for name, one in found.items()}


_TOLD: Mapping[str, State] = {"clear": "clear", "masked": "masked", "conditional": "conditional"}


def _state(found: TableDecision) -> ProductState:
    columns: dict[str, ColumnState] = {}
    for name, cell in found.cells.items():
        if cell.state not in _TOLD:
            continue
        masks = applying(cell)
        if not masks:
            columns[name] = ColumnState(_TOLD[cell.state])
            continue
        mask = masks[0][1].mask
        columns[name] = ColumnState(_TOLD[cell.state], mask.kind, mask.spec, tuple(sorted(mask.preserves)))
    group = strongest(found)
    return ProductState(columns, None if group is None else group.k, group is None or not group.aggregate_only)

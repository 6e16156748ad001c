"""Visible: the names a caller may know, from guards only, never from data.

- A column is visible if some grant gives it whose ``when`` is true and whose ``rows`` are not already false or UNKNOWN
  for this caller, and no deny or localize rule takes it away altogether. This is the gate's own decision (`decide`).
- A product is visible if one of its columns is, and no deny takes all of its rows. A row filter never hides a product:
  where it gives nothing, the product is there and empty. Key columns need not be visible.
- A relationship is visible if its target is, and if the caller may know the key columns on both sides: following it
  tells which rows have equal keys. ``traverse_masked`` on the relationship allows it without.

Only what the zone publishes. Two callers with the same names have the same digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from policies.condition import Condition, Moment
from policies.decide import Guards, decide
from policies.govern import localized
from policies.guard import guard_tuple
from policies.rules import DenyRule, PolicySet, ProductRules
from schema.caller import Caller
from schema.catalog import Catalog, Product, Relationship
from schema.visible import VisibleSet

Names = Mapping[str, frozenset[str]]


def visible(policies: PolicySet, catalog: Catalog, caller: Caller, moment: Moment) -> VisibleSet:
    """The names this caller may know in their zone."""
    rules = policies.rules[caller.zone]
    published = catalog.published(caller.zone)
    columns: dict[str, frozenset[str]] = {}
    for product in published:
        names = _columns(product, rules.get(product.id), catalog, caller, moment)
        if names:
            columns[product.id] = names
    relationships = {
        product.id: frozenset(r.name for r in product.relationships.values() if _may_follow(r, columns))
        for product in published
        if product.id in columns
    }
    return VisibleSet(caller.zone, columns, relationships, _digest(caller.zone, columns, relationships))


def _columns(
    product: Product, rules: ProductRules | None, catalog: Catalog, caller: Caller, moment: Moment
) -> frozenset[str]:
    if rules is None or not rules.grants:
        return frozenset()
    guards = guard_tuple(rules, caller, moment)
    if _denied(rules, guards):
        return frozenset()
    here = localized(product, rules, catalog, caller.zone)
    decision = decide(rules, guards, frozenset(product.columns), here)
    return frozenset(name for name, cell in decision.cells.items() if cell.visible is not False)


def _denied(rules: ProductRules, guards: Guards) -> bool:
    """Whether a deny takes the whole product, on every row."""
    bits = dict(zip(map(id, rules.conditions()), guards, strict=True))

    def takes(condition: Condition | None) -> bool:
        value = True if condition is None else condition.fold(bits[id(condition)])
        return value is True or value is None

    def takes_all(deny: DenyRule) -> bool:
        return deny.columns is None and takes(deny.when) and takes(deny.rows)

    return any(takes_all(deny) for deny in rules.denies)


def _may_follow(relationship: Relationship, columns: Names) -> bool:
    if relationship.target not in columns:
        return False
    if relationship.traverse_masked is not None:
        return True
    mine, theirs = columns[relationship.owner], columns[relationship.target]
    return all(here in mine and there in theirs for here, there in relationship.pairs)


def _digest(zone: str, columns: Names, relationships: Names) -> str:
    canonical = [
        zone,
        [[product, sorted(names)] for product, names in sorted(columns.items())],
        [[product, sorted(names)] for product, names in sorted(relationships.items())],
    ]
    return hashlib.sha256(json.dumps(canonical).encode()).hexdigest()

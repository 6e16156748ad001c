"""Visible: the names a caller may know, from guards only, never from data.

- A column is visible if some grant gives it whose ``when`` is true and whose ``rows`` are not already false or UNKNOWN
  for this caller, and no deny or localize rule takes it away altogether: what `policies.decide` says of the cell,
  without building formulas, because every caller's first question of each minute waits for it.
- A product is visible if one of its columns is, and no deny takes all of its rows. A row filter never hides a product:
  where it gives nothing, the product is there and empty. Key columns need not be visible.
- Tokens of a column may be looked up if such a grant says ``detokenize``.
- A model is visible if one of its outputs is; its inputs are what the caller may ask it with.
- A relationship is visible if its target is, and if the caller may know the key columns on both sides: following it
  tells which rows have equal keys. ``traverse_masked`` on the relationship allows it without. So does a model at its
  end: what it is given is what the caller sees.

Only what the zone publishes. Two callers with the same names have the same digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Literal

from policies.condition import Condition, Moment, Truth
from policies.govern import localized
from policies.rules import PolicySet, ProductRules
from schema.caller import Caller
from schema.catalog import Catalog, Relationship
from schema.visible import VisibleSet

Names = Mapping[str, frozenset[str]]


def visible(policies: PolicySet, catalog: Catalog, caller: Caller, moment: Moment) -> VisibleSet:
    """The names this caller may know in their zone."""
    rules = policies.rules[caller.zone]
    published = catalog.published(caller.zone)
    asked = _Asked(caller, moment)
    columns: dict[str, frozenset[str]] = {}
    tokens: dict[str, frozenset[str]] = {}
    for product in published:
        mine = rules.get(product.id)
        names = _columns(mine, asked) if mine is not None else frozenset()
        if mine is not None and names and mine.localize:
            names &= localized(product, mine, catalog, caller.zone)
        if product.model is not None and not names & frozenset(product.model.outputs):
            names = frozenset()
        if names:
            columns[product.id] = names
        if mine is not None and (looked_up := names & _tokens(mine, asked)):
            tokens[product.id] = looked_up
    relationships = {
        product.id: frozenset(
            way.name for way in catalog.shown_relationships(caller.zone, product) if _may_follow(way, columns)
        )
        for product in published
        if product.id in columns
    }
    digest = _digest(caller.zone, columns, relationships, tokens)
    suggests = not catalog.zones[caller.zone].restricted
    return VisibleSet(caller.zone, columns, relationships, digest, tokens, suggests)


def detokenizable(policies: PolicySet, zone: str) -> Names:
    """The columns, by product, whose tokens somebody may look up in a zone: for its whole schema."""
    found = {
        id_: frozenset(column for grant in rules.grants for column in grant.detokenize)
        for id_, rules in policies.rules[zone].items()
    }
    return {id_: columns for id_, columns in found.items() if columns}


class _Asked:
    """What conditions say to one caller, each asked once: a rule over many products has one ``when`` for all."""

    def __init__(self, caller: Caller, moment: Moment) -> None:
        self._caller, self._moment = caller, moment
        self._known: dict[int, Truth | Literal["row"]] = {}

    def __call__(self, condition: Condition | None) -> Truth | Literal["row"]:
        if condition is None:
            return True
        key = id(condition)
        if key not in self._known:
            self._known[key] = condition.outcome(condition.bits(self._caller, self._moment))
        return self._known[key]


def _columns(rules: ProductRules, asked: _Asked) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for grant in rules.grants:
        if asked(grant.when) is True and asked(grant.rows) in (True, "row"):
            found |= grant.columns
    for deny in rules.denies if found else ():
        if asked(deny.when) in (True, None) and asked(deny.rows) in (True, None):
            found = frozenset() if deny.columns is None else found - deny.columns
    return found


def _tokens(rules: ProductRules, asked: _Asked) -> frozenset[str]:
    """What is left of these where a deny or localize rule takes columns away is the caller's."""
    found: frozenset[str] = frozenset()
    for grant in rules.grants:
        if grant.detokenize and asked(grant.when) is True and asked(grant.rows) in (True, "row"):
            found |= grant.detokenize
    return found


def _may_follow(relationship: Relationship, columns: Names) -> bool:
    if relationship.target not in columns:
        return False
    if relationship.traverse_masked is not None or relationship.calls:
        return True
    mine, theirs = columns[relationship.owner], columns[relationship.target]
    return all(here in mine and there in theirs for here, there in relationship.pairs)


def _digest(zone: str, columns: Names, relationships: Names, tokens: Names) -> str:
    canonical = [
        zone,
        [[product, sorted(names)] for product, names in sorted(columns.items())],
        [[product, sorted(names)] for product, names in sorted(relationships.items())],
        [[product, sorted(names)] for product, names in sorted(tokens.items())],
    ]
    return hashlib.sha256(json.dumps(canonical).encode()).hexdigest()

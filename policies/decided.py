"""Decided: what has been decided for one caller so far, product by product, and what governed relations are made of.

Shared by the gates for front ends' blocks (`policies.govern`) and for free SQL (`policies.sql`): one way to decide, one
way to spell what was decided.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from policies.decide import CellDecision, Guards, TableDecision, decide, denials_only, filters_only
from policies.logic import Formula
from policies.raw import RawTable
from policies.relation import behind_join, cell, is_link, other_end
from policies.rules import PolicySet, ProductRules
from schema.catalog import Catalog, Product
from schema.errors import Refusal
from schema.query import Slot
from schema.statement import JOIN
from schema.types import STRING, TIMESTAMP


class Decided:
    """``guards`` are those of every product that may be met."""

    def __init__(self, zone: str, guards: Mapping[str, Guards], policies: PolicySet, catalog: Catalog) -> None:
        self._zone, self._guards, self._policies, self._catalog = zone, guards, policies, catalog
        self._rules = policies.rules[zone]
        self.decisions: dict[str, TableDecision] = {}

    def decide_on(self, product: Product, columns: frozenset[str]) -> TableDecision:
        rules = self._rules.get(product.id, ProductRules(product.id))
        known = self.decisions.get(product.id)
        if known is not None and columns <= known.cells.keys():
            return known
        wanted = columns | (frozenset(known.cells) if known else frozenset())
        decision = decide(rules, self._guards.get(product.id, ()), wanted, self._localized(product, rules))
        self.decisions[product.id] = decision
        return decision

    def others(self, wanted: frozenset[str]) -> Mapping[str, TableDecision]:
        """The decisions on the other ends of the links among these columns."""
        links = {name for name in wanted if is_link(name)}
        links |= {part for name in wanted if name.startswith(JOIN) for part in behind_join(self._catalog, name)}
        ends = (other_end(self._catalog, name) for name in links)
        return {id_: self.decide_on(self.product(id_), frozenset(columns)) for id_, columns in ends}

    def given(self, product: Product, wanted: frozenset[str]) -> Mapping[str, Formula]:
        """For models that get raw inputs: on which rows each column may be given. Denies and places hold too."""
        ways = (way for way in product.relationships.values() if way.calls)
        raw = [way for way in ways if (model := self._catalog.products[way.target].model) is not None and model.raw]
        names = {here for way in raw for here, _ in way.pairs if any(n.startswith(f"~{way.id}.") for n in wanted)}
        if not names:
            return {}
        rules, guards = self._rules.get(product.id, ProductRules(product.id)), self._guards.get(product.id, ())
        here = self._localized(product, rules)
        return {
            name: allowed if name in here else False for name, allowed in denials_only(rules, guards, names).items()
        }

    def _localized(self, product: Product, rules: ProductRules) -> frozenset[str]:
        return localized(product, rules, self._catalog, self._zone)

    def raw(self, product: Product) -> RawTable:
        derived = self._policies.derived.get(product.id, {})
        return RawTable(product, self._catalog, derived, self._policies.views.get(product.id), self._inside)

    def _inside(self, product: Product) -> exp.Select:
        """A product inside a steward's view: its row filters, denies and places apply, its masks follow the view's own
        tags."""
        rules, guards = self._rules.get(product.id, ProductRules(product.id)), self._guards.get(product.id, ())
        raw, here = self.raw(product), self._localized(product, rules)
        items = []
        for name, allowed in denials_only(rules, guards, product.columns).items():
            shown = allowed if name in here else False
            value = cell(raw, name, CellDecision(shown, shown, (), ()))
            items.append(exp.alias_(value, name, quoted=True))
        rows = filters_only(rules, guards)
        select = exp.select(*items).from_(raw.source())
        if isinstance(rows, exp.Expression):
            return select.where(raw.place(rows))
        return select if rows else select.where(exp.false())

    def product(self, id_: str) -> Product:
        product = self._catalog.products.get(id_)
        if product is None or product.entitlement:
            raise unknown(f"No product '{id_}' in this zone.")
        return product

    def policy_slot(self, name: str) -> Slot:
        origin, _, path = name.partition(":")
        if origin == "claim":
            claim = self._catalog.claims[path]
            return Slot(name, claim.type, "claim", many=claim.many, path=(path,))
        if origin == "request":
            return Slot(name, TIMESTAMP if path == "time" else STRING, "request", path=(path,))
        if origin == "secret":
            return Slot(name, STRING, "secret", path=(path,))
        entitlement = self._policies.entitlements[path]
        return Slot(name, entitlement.type, "entitlement", many=True, path=(path,))


def localized(product: Product, rules: ProductRules, catalog: Catalog, zone: str) -> frozenset[str]:
    """The columns that may leave from here: the source and the gateway are both where every localize rule says."""
    places = {catalog.sources[product.source].location, catalog.zones[zone].region}
    columns = frozenset(product.columns)
    for rule in rules.localize:
        if not places <= rule.locations:
            columns -= columns if rule.columns is None else rule.columns
    return columns


def unknown(message: str) -> Refusal:
    return Refusal("CH205", message)

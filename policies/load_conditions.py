"""Compile the conditions of a project: each text once where it can be, faults said once per place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.condition import Condition
from policies.fault import Fault
from policies.predicate import Compiled, guard_condition, row_condition
from policies.predicate_names import Derived, RowScope
from policies.rules import Entitlement
from schema.catalog import Catalog, Product
from schema.errors import LoadError, Place
from schema.yaml_source import Entries, Scalar


@dataclass(slots=True)
class Conditions:
    """Compiles for one load. ``errors`` and ``warnings`` are the load's; ``entitlements`` those that were met."""

    catalog: Catalog
    derived: Derived
    errors: list[LoadError]
    warnings: list[LoadError]
    entitlements: dict[str, Entitlement] = field(default_factory=dict)
    _said: set[tuple[Place, str]] = field(default_factory=set)
    _alike: dict[Place, Compiled] = field(default_factory=dict)

    def papers(self, item: Entries, key: str) -> Condition | None:
        """The condition under a key that may name claims and request only; None where it is absent (or wrong)."""
        text = condition_text(item, key)
        if text is None:
            return None
        try:
            compiled = guard_condition(text, item.at(key), self.catalog.claims)
        except Fault as fault:
            self.say(fault, item.at(key))
            return None
        self._warn(compiled, item.at(key))
        return compiled.condition

    def row(self, item: Entries, key: str, product: Product) -> Compiled | None:
        """The condition under a key over the row of a product; None where it is absent (or wrong)."""
        text, place = condition_text(item, key), item.at(key)
        if text is None:
            return None
        known = self._alike.get(place)
        if known is not None:
            return known
        try:
            compiled = row_condition(text, place, RowScope(self.catalog, product, self.derived, self.entitlements))
        except Fault as fault:
            self.say(fault, place)
            return None
        self._warn(compiled, place)
        if not compiled.named:  # it means the same for every product
            self._alike[place] = compiled
        return compiled

    def say(self, fault: Fault, place: Place) -> None:
        """Record a fault, once: a rule over many products has the same one in each."""
        if (place, fault.code) not in self._said:
            self._said.add((place, fault.code))
            self.errors.append(fault.at(place))

    def _warn(self, compiled: Compiled, place: Place) -> None:
        for sentence in compiled.warnings:
            if (place, sentence) not in self._said:
                self._said.add((place, sentence))
                hint = "Leave that part out: an absent claim never matches anyway."
                self.warnings.append(LoadError(place, "CH431", sentence, hint))


def condition_text(item: Entries, key: str) -> str | None:
    """A condition as text; YAML's true and false are conditions too."""
    node = item.get(key)
    if not isinstance(node, Scalar) or node.value is None:
        return None
    return str(node.value).upper() if isinstance(node.value, bool) else str(node.value)


def complete(item: Entries, found: Mapping[str, object | None]) -> bool:
    """Whether every condition that stands in the item was compiled: a rule with a faulty one must not be made."""
    return all(value is not None or not item.has(key) for key, value in found.items())

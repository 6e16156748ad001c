"""Sights: what each caller sees of each product of one project version, in a form that two versions compare by.

Formulas are kept twice: as canonical text, which tells whether two are the same (an entitlement's query included), and
in the words of the policy language, which is what a steward reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.personas import Persona, PersonaError
from app.project import Project
from app.steward.decisions import decisions, now, rules_of
from app.steward.formulas import Seen, seen
from app.steward.papers import callers
from policies.decide import CellDecision, TableDecision, filters_only
from policies.explain_column import applying, shown
from policies.guard import guard_tuple
from policies.privacy import strongest
from policies.rules import PolicySet, ProductRules
from policies.visible import visible
from schema.caller import Caller
from schema.catalog import Product


@dataclass(frozen=True, slots=True)
class ColumnSight:
    """``masks`` are (name, what it shows, where it is revealed) of those that may stand in the value's place, most
    specific first. ``rules`` are the names of all rules that decide over the column, whether they apply or
    not. ``tokens`` is where its tokens may be looked up."""

    state: str
    visible: Seen
    clear: Seen
    masks: tuple[tuple[str, str, Seen], ...]
    rules: frozenset[str]
    definition: str
    tokens: Seen

    @property
    def mask(self) -> str:
        """The masks in words."""
        return " then ".join(spec for _, spec, _ in self.masks)


@dataclass(frozen=True, slots=True)
class ProductSight:
    """``definition`` says where the rows come from, ``inside`` what of the products inside a view is read. ``rules``
    are the names of those that limit or grant rows, ``relationships`` the visible ones (True: over a masked key too).
    """

    rows: Seen
    columns: Mapping[str, ColumnSight]
    definition: str
    inside: Mapping[str, Seen]
    rules: frozenset[str]
    relationships: Mapping[str, bool]
    group: tuple[int, tuple[str, ...], bool, str] | None


@dataclass(frozen=True, slots=True)
class CallerSight:
    """Everything one caller sees. ``claims`` are those that arrive, as text."""

    claims: str
    products: Mapping[str, ProductSight] = field(default_factory=dict)


def sights(project: Project, personas: Mapping[str, Persona]) -> dict[str, CallerSight]:
    """What every persona sees in every zone and for every purpose it may state. One that no issuer of this project
    takes sees nothing, and is left out."""
    found: dict[str, CallerSight] = {}
    for persona in personas.values():
        try:
            found |= {name: _caller(project, caller) for name, caller in callers(persona, project.catalog)}
        except PersonaError:
            continue
    return found


def _caller(project: Project, caller: Caller) -> CallerSight:
    project = project.seen_in(caller.zone)
    catalog, policies = project.catalog, project.policies
    moment = now(catalog, caller.zone)
    names = visible(policies, catalog, caller, moment)
    products = {
        name: _product(project, catalog.products[name], found, caller, names.relationships[name])
        for name, found in decisions(catalog, policies, caller, moment).items()
        if names.product(name)
    }
    claims = ", ".join(f"{name}={_claim(value)}" for name, value in sorted(caller.claims.items()))
    return CallerSight(claims, products)


def _claim(value: object) -> str:
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, tuple) else str(value)


def _product(
    project: Project, product: Product, found: TableDecision, caller: Caller, followed: frozenset[str]
) -> ProductSight:
    group = strongest(found)
    rules = rules_of(project.policies, caller.zone, product.id)
    return ProductSight(
        rows=seen(found.rows),
        columns={
            name: _column(project.policies, product, name, cell, rules)
            for name, cell in found.cells.items()
            if cell.visible is not False
        },
        definition=_definition(project, product),
        inside=_inside(project, product, caller),
        rules=_names(rules.grants, rules.filters, rules.denies),
        relationships={name: product.relationships[name].traverse_masked is not None for name in sorted(followed)},
        group=None if group is None else (group.k, sum(group.keys, ()), group.aggregate_only, group.name),
    )


def _definition(project: Project, product: Product) -> str:
    view = project.policies.views.get(product.id)
    if view is None:
        source = project.catalog.sources[product.source]
        return f"{source.kind} {source.url} {'.'.join(product.physical)}"
    inner = (_definition(project, project.catalog.products[name]) for name in product.view_inputs)
    return " ".join([view.sql(), *inner])


def _inside(project: Project, product: Product, caller: Caller) -> dict[str, Seen]:
    """What a view reads of the products in it, views among them unfolded: their filters and denies apply inside."""
    found: dict[str, Seen] = {}
    for name in product.view_inputs:
        rules = rules_of(project.policies, caller.zone, name)
        found[name] = seen(filters_only(rules, guard_tuple(rules, caller, now(project.catalog, caller.zone))))
        found |= _inside(project, project.catalog.products[name], caller)
    return found


def _column(policies: PolicySet, product: Product, name: str, cell: CellDecision, rules: ProductRules) -> ColumnSight:
    derived = policies.derived.get(product.id, {}).get(name)
    masks = applying(cell)
    return ColumnSight(
        state=cell.state,
        visible=seen(cell.visible),
        clear=seen(cell.clear),
        masks=tuple((rule_.name, shown(rule_), seen(reveal)) for reveal, rule_ in masks),
        rules=_names(rules.grants, rules.denies, rules.masks.get(name, ()), rules.localize),
        definition=product.columns[name].physical if derived is None else derived.sql(),
        tokens=seen(False if cell.tokens is None else cell.tokens.rows),
    )


class _Named(Protocol):
    @property
    def name(self) -> str: ...


def _names(*groups: Iterable[_Named]) -> frozenset[str]:
    return frozenset(rule.name for group in groups for rule in group)

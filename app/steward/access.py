"""Access: who can see one column, clear or masked, through which rule.

Told twice: by the rules as they are written, whoever asks, and for each persona.
"""

from __future__ import annotations

from collections.abc import Mapping

from app.personas import Persona, PersonaError
from app.project import Project
from app.steward.decisions import decision, now, rules_of
from app.steward.papers import callers
from policies.condition import Condition
from policies.explain import explain
from policies.explain_column import shown
from policies.rules import ProductRules
from schema.catalog import Product
from schema.errors import Place
from schema.names import did_you_mean

Json = dict[str, object]


class NoColumn(Exception):
    """The name is not that of a governed column. The sentence says what may have been meant."""


def access(project: Project, name: str, personas: Mapping[str, Persona]) -> Json:
    """Who can see ``domain.product.column``. Raises NoColumn."""
    product, column = find_column(project, name)
    zones = [zone for zone in project.catalog.zones if product in project.catalog.published(zone)]
    return {
        "column": name,
        "type": str(product.columns[column].type),
        "tags": sorted(product.columns[column].tags),
        "zones": [_zone(project, zone, product, column) for zone in zones],
        "personas": _personas(project, product, column, personas, zones),
    }


def find_column(project: Project, name: str) -> tuple[Product, str]:
    """The product and column of a full name. Raises NoColumn."""
    id_, _, column = name.rpartition(".")
    product = project.catalog.products.get(id_)
    if product is None:
        hint = did_you_mean(id_, project.catalog.products) or "A column is written domain.product.column."
        raise NoColumn(f"CH205 There is no product '{id_}'. {hint}")
    if column not in product.columns:
        hint = did_you_mean(column, product.columns) or f"It has: {', '.join(product.columns)}."
        raise NoColumn(f"CH205 Product '{id_}' has no column '{column}'. {hint}")
    if product.entitlement:
        raise NoColumn(f"CH205 Product '{id_}' is an entitlement: nobody can ask for it, only policies read it.")
    return product, column


def _zone(project: Project, zone: str, product: Product, column: str) -> Json:
    rules = rules_of(project.policies, zone, product.id)
    return {
        "zone": zone,
        "grants": [
            {
                "rule": grant.name,
                "at": at(grant.place),
                "when": _text(grant.when),
                "rows": _text(grant.rows),
                "lifts": sorted(grant.clears.get(column, ())),
                "detokenizes": column in grant.detokenize,
            }
            for grant in rules.grants
            if column in grant.columns
        ],
        "masks": [
            {
                "rule": mask.name,
                "at": at(mask.place),
                "level": mask.level,
                "mask": shown(mask),
                "reveal_when": _text(mask.reveal),
            }
            for mask in rules.masks.get(column, ())
        ],
        "limits": _limits(rules, column),
    }


def _limits(rules: ProductRules, column: str) -> list[Json]:
    """Everything that takes away, in one list."""
    found: list[Json] = [
        {
            "kind": "row_filter",
            "rule": rule.name,
            "at": at(rule.place),
            "text": f"rows where {_text(rule.rows)}" + (f"; bypassed when {_text(rule.bypass)}" if rule.bypass else ""),
        }
        for rule in rules.filters
    ]
    for deny in rules.denies:
        if deny.columns is None or column in deny.columns:
            what = "the product" if deny.columns is None else "the column"
            when = f" when {_text(deny.when)}" if deny.when else ""
            rows = f" on rows where {_text(deny.rows)}" if deny.rows else ""
            found.append(
                {"kind": "deny", "rule": deny.name, "at": at(deny.place), "text": f"denies {what}{when}{rows}"}
            )
    for local in rules.localize:
        if local.columns is None or column in local.columns:
            text = f"only from {', '.join(sorted(local.locations))}"
            found.append({"kind": "localize", "rule": local.name, "at": at(local.place), "text": text})
    for group in rules.privacy:
        text = f"numbers over at least {group.k} {', '.join(group.key)}"
        text += "; no single rows" if group.aggregate_only else ""
        text += f"; not when {_text(group.unless)}" if group.unless else ""
        found.append({"kind": "privacy", "rule": group.name, "at": at(group.place), "text": text})
    return found


def _personas(
    project: Project, product: Product, column: str, personas: Mapping[str, Persona], zones: list[str]
) -> list[Json]:
    found: list[Json] = []
    for persona in personas.values():
        try:
            papers = list(callers(persona, project.catalog))
        except PersonaError:
            continue  # a persona of an issuer that is not in this environment
        for name, caller in papers:
            if caller.zone not in zones:
                continue
            catalog = project.seen_in(caller.zone).catalog
            moment = now(catalog, caller.zone)
            one = decision(catalog, project.policies, product, caller, moment)
            told = explain(product, one, project.policies, catalog, caller, moment)
            why = next(reason for reason in told.columns if reason.column == column)
            found.append(
                {
                    "persona": name,
                    "zone": caller.zone,
                    "state": why.state,
                    "mask": why.mask,
                    "rule": why.rule,
                    "at": None if why.place is None else at(why.place),
                    "reason": why.sentence,
                    "rows": told.condition if why.state != "hidden" else "no row",
                }
            )
    return found


def _text(condition: Condition | None) -> str | None:
    return None if condition is None else " ".join(condition.text.split())


def at(place: Place) -> str:
    return f"{place.file}:{place.line}"

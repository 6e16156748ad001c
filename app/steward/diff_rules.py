"""Rules of two versions, and the issuers a zone trusts: which came, went or changed, and whether that may give more.

Looks at what is written, whoever asks: a rule that no persona meets is found here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.project import Project
from app.steward.formulas import narrower, written
from policies.explain_column import shown
from policies.rules import DenyRule, FilterRule, GrantRule, LocalizeRule, MaskRule, PrivacyRule, ProductRules
from schema.catalog import Issuer
from schema.errors import Place

Rule = GrantRule | FilterRule | DenyRule | MaskRule | LocalizeRule | PrivacyRule | Issuer
At = tuple[str, str, str]
"""Where a rule stands: zone, product, column ('' for the whole product)."""

_NOWHERE = Place("")


@dataclass(frozen=True, slots=True)
class RuleChange:
    """``widens``: it may give more to somebody, and no persona's change says so."""

    name: str
    kind: str
    what: str
    products: tuple[str, ...]
    widens: bool
    accepted: bool = False


def rule_changes(old: Project, new: Project) -> list[RuleChange]:
    """Every rule that is not the same in both, by kind and name."""
    before, after = _rules(old), _rules(new)
    found = []
    for kind, name in sorted(before.keys() | after.keys()):
        one, other = before.get((kind, name), {}), after.get((kind, name), {})
        places = [at for at in sorted(one.keys() | other.keys()) if not _same(one.get(at), other.get(at))]
        if not places:
            continue
        what = "added" if not one else "removed" if not other else "changed"
        widens = any(not _narrows(one.get(at), other.get(at)) for at in places)
        found.append(RuleChange(name, kind, what, tuple(sorted({at[1] for at in places})), widens))
    return found


def _rules(project: Project) -> dict[tuple[str, str], dict[At, Rule]]:
    """Each rule (kind, name), by where it stands."""
    found: dict[tuple[str, str], dict[At, Rule]] = {}
    for zone, products in project.policies.rules.items():
        for product, rules in products.items():
            for kind, column, rule in _each(rules):
                found.setdefault((kind, rule.name), {})[zone, product, column] = rule
    for zone, declared in project.catalog.zones.items():
        for name in declared.issuers:
            found.setdefault(("issuer", name), {})[zone, "*", ""] = project.catalog.issuers[name]
    return found


def _each(rules: ProductRules) -> Iterator[tuple[str, str, Rule]]:
    yield from (("grant", "", grant) for grant in rules.grants)
    yield from (("row_filter", "", filter_) for filter_ in rules.filters)
    for deny in rules.denies:
        yield from (("deny", column, deny) for column in sorted(deny.columns or {""}))
    for column, masks in rules.masks.items():
        yield from (("mask", column, mask) for mask in masks)
    for local in rules.localize:
        yield from (("localize", column, local) for column in sorted(local.columns or {""}))
    yield from (("privacy", "", group) for group in rules.privacy)


def _same(old: Rule | None, new: Rule | None) -> bool:
    """Whether two rules say the same, wherever they are written."""
    if isinstance(old, Issuer) and isinstance(new, Issuer):
        paths = replace(old, place=_NOWHERE, claims={}), replace(new, place=_NOWHERE, claims={})
        return paths[0] == paths[1] and dict(old.claims) == dict(new.claims)
    if isinstance(old, LocalizeRule) and isinstance(new, LocalizeRule):
        return (old.locations, old.columns) == (new.locations, new.columns)
    if isinstance(old, MaskRule) and isinstance(new, MaskRule) and old.level != new.level:
        return False
    return old is not None and new is not None and _narrows(old, new) and _narrows(new, old)


def _narrows(old: Rule | None, new: Rule | None) -> bool:
    """Whether the change is known to give nobody more."""
    if old is None or new is None:
        gives = isinstance(old or new, GrantRule | Issuer)
        return gives is (new is None)
    match old, new:
        case GrantRule(), GrantRule():
            return _grant(old, new)
        case FilterRule(), FilterRule():
            rows = narrower(written(old.rows, True), written(new.rows, True))
            return rows and narrower(written(old.bypass, False), written(new.bypass, False))
        case DenyRule(), DenyRule():
            when = narrower(written(new.when, True), written(old.when, True))
            return when and narrower(written(new.rows, True), written(old.rows, True))
        case MaskRule(), MaskRule():
            shows = shown(new) == shown(old) or new.mask.kind == "null"
            return shows and narrower(written(old.reveal, False), written(new.reveal, False))
        case LocalizeRule(), LocalizeRule():
            return new.locations <= old.locations
        case PrivacyRule(), PrivacyRule():
            key = new.key == old.key and new.k >= old.k and new.aggregate_only >= old.aggregate_only
            return key and narrower(written(old.unless, False), written(new.unless, False))
    return False


def _grant(old: GrantRule, new: GrantRule) -> bool:
    """No more callers, rows, columns, lifted masks or clear text behind tokens."""
    lifts = all(masks <= old.clears.get(column, frozenset()) for column, masks in new.clears.items())
    conditions = narrower(written(old.when, True), written(new.when, True)) and narrower(
        written(old.rows, True), written(new.rows, True)
    )
    return conditions and lifts and new.columns <= old.columns and new.detokenize <= old.detokenize

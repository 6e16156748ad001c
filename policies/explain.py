"""Explain: why one caller sees of a product what the gate decided. For stewards, never for the caller's own errors.

1. Every rule of the product says whether it applies, and why not: a guard that is false, or UNKNOWN for want of a
   claim.
2. Every column says its state (clear, masked, conditional, hidden) and the rule that decided it.
3. The rows say what limits them.

Reads the same decision that the gate used, so it explains what happens, not what a second evaluation might do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from policies.condition import Condition, Moment
from policies.decide import TableDecision, filters_only
from policies.explain_column import ColumnReason, column_reason
from policies.explain_condition import Verdict, formula_text, verdict
from policies.govern import localized
from policies.guard import guard_tuple
from policies.rules import (
    DenyRule,
    FilterRule,
    GrantRule,
    LocalizeRule,
    MaskRule,
    PolicySet,
    PrivacyRule,
    ProductRules,
)
from schema.caller import Caller
from schema.catalog import Catalog, Product
from schema.errors import Place

RuleKind = Literal["grant", "row_filter", "deny", "mask", "localize", "privacy"]
Effect = Literal["applies", "per row", "does not apply"]


@dataclass(frozen=True, slots=True)
class RuleReason:
    """What one rule does for this caller, as a sentence. ``columns`` are those it concerns; empty means the rows."""

    kind: RuleKind
    name: str
    place: Place
    effect: Effect
    sentence: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a caller sees of a product what they see. ``rows`` is a sentence, ``condition`` the rows that are visible in
    the words of the policy language."""

    product: str
    zone: str
    visible: bool
    rows: str
    condition: str
    columns: tuple[ColumnReason, ...]
    rules: tuple[RuleReason, ...]


def explain(
    product: Product, decision: TableDecision, policies: PolicySet, catalog: Catalog, caller: Caller, moment: Moment
) -> Explanation:
    """Explain a decision. ``decision`` may hold some of the product's columns only: those a query names."""
    rules = policies.rules.get(caller.zone, {}).get(product.id, ProductRules(product.id))
    told = _Teller(product, rules, catalog, caller, moment)
    reasons = told.reasons(frozenset(decision.cells))
    here = localized(product, rules, catalog, caller.zone)
    columns = tuple(
        column_reason(name, cell, rules, decision, name in here, told.gives) for name, cell in decision.cells.items()
    )
    return Explanation(
        product=product.id,
        zone=caller.zone,
        visible=decision.visible,
        rows=f"{product.id}: {_rows(decision, reasons)}",
        condition=formula_text(decision.rows),
        columns=columns,
        rules=reasons,
    )


def explain_inside(
    product: Product, policies: PolicySet, catalog: Catalog, caller: Caller, moment: Moment
) -> Explanation:
    """Explain a product inside a steward's view: its row filters, denies and places apply there, and nothing else."""
    rules = policies.rules.get(caller.zone, {}).get(product.id, ProductRules(product.id))
    inner = ProductRules(product.id, denies=rules.denies, filters=rules.filters, localize=rules.localize)
    reasons = _Teller(product, inner, catalog, caller, moment).reasons(frozenset(product.columns))
    rows = filters_only(rules, guard_tuple(rules, caller, moment))
    limits = [r for r in reasons if r.effect != "does not apply" and r.kind != "localize" and not r.columns]
    sentence = f"rows limited by {_named(limits)}" if limits else "every row"
    return Explanation(
        product=product.id,
        zone=caller.zone,
        visible=False,
        rows=f"{product.id}, inside a view: {sentence}",
        condition=formula_text(rows),
        columns=(),
        rules=reasons,
    )


def _rows(decision: TableDecision, reasons: tuple[RuleReason, ...]) -> str:
    """The rows as one sentence."""
    granting = [r for r in reasons if r.kind == "grant" and r.effect != "does not apply"]
    limits = [r for r in reasons if r.kind in ("row_filter", "deny") and not r.columns and r.effect != "does not apply"]
    if not granting:
        return "no row, because no grant matches"
    if decision.rows is False:
        return f"no row, because of {_named(limits or granting)}"
    if not any(r.effect == "applies" for r in granting):
        limits = [*granting, *limits]
    if decision.rows is True or not limits:
        return f"every row, through {_named([r for r in granting if r.effect == 'applies'])}"
    return f"rows limited by {_named(limits)}"


def _named(reasons: list[RuleReason]) -> str:
    return ", ".join(f"{r.name} ({r.place.file}:{r.place.line})" for r in reasons)


class _Teller:
    """Tells what each rule of one product does for one caller."""

    def __init__(self, product: Product, rules: ProductRules, catalog: Catalog, caller: Caller, moment: Moment) -> None:
        self._product, self._rules, self._catalog = product, rules, catalog
        self._caller, self._moment = caller, moment

    def gives(self, condition: Condition | None) -> Verdict:
        """A condition's verdict; none at all is true."""
        return Verdict("true", "") if condition is None else verdict(condition, self._caller, self._moment)

    def reasons(self, columns: frozenset[str]) -> tuple[RuleReason, ...]:
        """Every rule that concerns the product's rows or these columns."""
        rules = self._rules
        return (
            *(self._grant(rule) for rule in rules.grants),
            *(self._filter(rule) for rule in rules.filters),
            *(self._deny(rule) for rule in rules.denies if rule.columns is None or rule.columns & columns),
            *(self._mask(*found) for found in _masks(rules.masks, columns)),
            *(self._localize(rule) for rule in rules.localize if rule.columns is None or rule.columns & columns),
            *(self._privacy(rule) for rule in rules.privacy),
        )

    def _grant(self, rule: GrantRule) -> RuleReason:
        when, rows = self.gives(rule.when), self.gives(rule.rows)
        effect: Effect = "does not apply"
        if when.outcome != "true":
            sentence = f"does not match: its guard {when}"
        elif rows.outcome in ("false", "unknown"):
            sentence = f"gives no row: {rows}"
        else:
            effect = "per row" if rows.outcome == "row" else "applies"
            where = f"on rows where {rows.text}" if rows.outcome == "row" else "on every row"
            missing = len(self._product.columns.keys() - rule.columns)
            sentence = f"matches {where}" + (f", without {missing} of the columns" if missing else "")
        return RuleReason("grant", rule.name, rule.place, effect, sentence)

    def _filter(self, rule: FilterRule) -> RuleReason:
        rows = self.gives(rule.rows)
        bypass = Verdict("false", "") if rule.bypass is None else self.gives(rule.bypass)
        effect: Effect = "applies"
        if bypass.outcome == "true":
            effect, sentence = "does not apply", f"is bypassed: {bypass}"
        elif rows.outcome == "true":
            effect, sentence = "does not apply", f"lets every row through: {rows}"
        elif rows.outcome == "row":
            effect, sentence = "per row", f"keeps rows where {rows.text}"
        else:
            sentence = f"lets no row through: {rows}"
        if bypass.text and bypass.outcome == "row":
            sentence += f", and those where {bypass.text}"
        elif bypass.text and bypass.outcome != "true":
            sentence += f"; no bypass: {bypass}"
        return RuleReason("row_filter", rule.name, rule.place, effect, sentence)

    def _deny(self, rule: DenyRule) -> RuleReason:
        when, rows = self.gives(rule.when), self.gives(rule.rows)
        columns = tuple(sorted(rule.columns or ()))
        if "false" in (when.outcome, rows.outcome):
            told = when if when.outcome == "false" else rows
            return RuleReason("deny", rule.name, rule.place, "does not apply", f"does not apply: {told}", columns)
        what = f"columns {', '.join(columns)}" if columns else "the product"
        effect: Effect = "per row" if rows.outcome == "row" else "applies"
        where = f" on rows where {rows.text}" if rows.outcome == "row" else ""
        doubts = [str(told) for told in (when, rows) if told.outcome == "unknown"]
        doubt = f"; a deny applies in doubt: {', '.join(doubts)}" if doubts else ""
        return RuleReason("deny", rule.name, rule.place, effect, f"denies {what}{where}{doubt}", columns)

    def _mask(self, rule: MaskRule, columns: tuple[str, ...]) -> RuleReason:
        reveal = Verdict("false", "") if rule.reveal is None else self.gives(rule.reveal)
        effect: Effect = "applies"
        sentence = f"masks as {rule.mask.kind} ({rule.mask.spec})"
        if reveal.outcome == "true":
            effect, sentence = "does not apply", f"is revealed on every row: {reveal}"
        elif reveal.outcome == "row":
            effect, sentence = "per row", f"{sentence}, except on rows where {reveal.text}"
        elif reveal.text:
            sentence += f"; not revealed: {reveal}"
        lifted = sorted(g.name for g in self._rules.grants if any(rule.name in g.clears.get(c, ()) for c in columns))
        if lifted:
            sentence += f"; lifted where {' or '.join(lifted)} matches"
        return RuleReason("mask", rule.name, rule.place, effect, sentence, columns)

    def _localize(self, rule: LocalizeRule) -> RuleReason:
        source = self._catalog.sources[self._product.source].location or "an unnamed place"
        gateway = self._catalog.zones[self._caller.zone].region or "an unnamed place"
        kept = {source, gateway} <= rule.locations
        where = f"the source is in {source}, the gateway in {gateway}, allowed are {', '.join(sorted(rule.locations))}"
        sentence = f"{'is met' if kept else 'withholds the data'}: {where}"
        effect: Effect = "does not apply" if kept else "applies"
        return RuleReason("localize", rule.name, rule.place, effect, sentence, tuple(sorted(rule.columns or ())))

    def _privacy(self, rule: PrivacyRule) -> RuleReason:
        unless = None if rule.unless is None else self.gives(rule.unless)
        if unless is not None and unless.outcome == "true":
            return RuleReason("privacy", rule.name, rule.place, "does not apply", f"does not apply: {unless}")
        only = "; single rows are refused" if rule.aggregate_only else ""
        sentence = f"suppresses numbers over fewer than {rule.k} distinct {', '.join(rule.key)}{only}"
        if unless is not None:
            sentence += f"; no exception: {unless}"
        return RuleReason("privacy", rule.name, rule.place, "applies", sentence)


def _masks(
    masks: Mapping[str, tuple[MaskRule, ...]], columns: frozenset[str]
) -> list[tuple[MaskRule, tuple[str, ...]]]:
    """Each mask rule with the columns of these that it stands on: a rule by tag is one rule per column to the gate."""
    found: dict[tuple[str, str], tuple[MaskRule, list[str]]] = {}
    for column in sorted(columns & masks.keys()):
        for rule in masks[column]:
            key = (rule.name, f"{rule.mask.kind} {rule.mask.spec}")
            found.setdefault(key, (rule, []))[1].append(column)
    return [(rule, tuple(names)) for rule, names in found.values()]

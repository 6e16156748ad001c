"""Decide: what one caller may see of one product, as formulas over its raw row (docs/policies.md, "Combination").

- a row is visible: every row filter (or its bypass) AND no deny AND at least one grant;
- a cell is visible: some one grant has its guard, its rows and the column;
- a cell is clear: for such a grant, every mask on the column is revealed on this row or lifted by the grant;
- else the most specific unrevealed mask applies;
- a token is looked up on the rows of a grant that says ``detokenize`` and gives the column.

Pure: the same rules and the same guards always give the same decision, so it is made once per plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from policies.condition import Bits, Condition
from policies.logic import Formula, conjunction, disjunction, known, negation
from policies.rules import DenyRule, FilterRule, GrantRule, MaskRule, PrivacyRule, ProductRules

Guards = tuple[Bits, ...]


@dataclass(frozen=True, slots=True)
class TokenDecision:
    """On which visible rows the caller may look a column's tokens up, and the mask that makes them."""

    rows: Formula
    mask: MaskRule


@dataclass(frozen=True, slots=True)
class CellDecision:
    """``visible`` and ``clear`` presuppose that the row is visible. ``masks`` are (reveal formula, rule), most specific
    first, without those that are revealed on every row; empty when nothing masks the column. ``tokens`` is None where
    no grant that matches has the right to detokenise."""

    visible: Formula
    clear: Formula
    masks: tuple[tuple[Formula, MaskRule], ...]
    grants: tuple[GrantRule, ...]
    tokens: TokenDecision | None = None

    @property
    def state(self) -> str:
        """One word for explain and dictionary: clear, masked, conditional or hidden."""
        if self.visible is False:
            return "hidden"
        if self.clear is True and self.visible is True:
            return "clear"
        if self.clear is False and self.visible is True and self.masks[0][0] is False:
            return "masked"
        return "conditional"


@dataclass(frozen=True, slots=True)
class TableDecision:
    """What one caller may see of one product. ``rows`` False: no row at all, of a product that may still be known."""

    rows: Formula
    cells: Mapping[str, CellDecision]
    grants: tuple[GrantRule, ...]
    privacy: tuple[PrivacyRule, ...]

    @property
    def visible(self) -> bool:
        """Whether the caller may know the product: a grant matches. A filter that gives no rows hides no name."""
        return bool(self.grants)


def decide(rules: ProductRules, guards: Guards, columns: frozenset[str], localized: frozenset[str]) -> TableDecision:
    """The decision for a product's ``columns``. ``guards`` follow `ProductRules.conditions`; ``localized`` are the
    columns that may leave from here (all of them, unless a localize rule says otherwise)."""
    folded = _Folded(dict(zip(map(id, rules.conditions()), guards, strict=True)))
    grants = tuple(
        grant for grant in rules.grants if folded.gives(grant.when) is True and folded.gives(grant.rows) is not False
    )
    cells = {
        column: _cell(column, grants, rules, folded) if column in localized else _HIDDEN for column in sorted(columns)
    }
    privacy = tuple(rule for rule in rules.privacy if rule.unless is None or folded.gives(rule.unless) is not True)
    return TableDecision(_rows(rules, grants, folded), cells, grants, privacy)


def masked_columns(decisions: Mapping[str, TableDecision]) -> tuple[tuple[str, int], ...]:
    """How many of the columns decided on a mask stands before, by product; products without any are left out."""
    counted = {
        product: sum(bool(cell.masks) and cell.visible is not False for cell in decision.cells.values())
        for product, decision in decisions.items()
    }
    return tuple((product, count) for product, count in sorted(counted.items()) if count)


def filters_only(rules: ProductRules, guards: Guards) -> Formula:
    """The row filters and denies alone: what applies to a product that stands inside a steward's view."""
    folded = _Folded(dict(zip(map(id, rules.conditions()), guards, strict=True)))
    return conjunction(_restrictions(rules, folded))


def limiting(rules: ProductRules, guards: Guards) -> tuple[tuple[FilterRule | DenyRule, Formula], ...]:
    """Each row filter and deny with the rows that it leaves: every row, where it does not apply."""
    folded = _Folded(dict(zip(map(id, rules.conditions()), guards, strict=True)))
    filters = [(rule, _passing(rule, folded)) for rule in rules.filters]
    denies = [(rule, negation(folded.takes(rule.rows)) if _denies(rule, folded) else True) for rule in rules.denies]
    return (*filters, *denies)


def denials_only(rules: ProductRules, guards: Guards, columns: Iterable[str]) -> dict[str, Formula]:
    """On which rows no deny takes a column: what applies to the cells of a product inside a steward's view."""
    folded = _Folded(dict(zip(map(id, rules.conditions()), guards, strict=True)))
    return {column: _not_denied(column, rules, folded) for column in columns}


_HIDDEN = CellDecision(False, False, (), ())


class _Folded:
    """Conditions folded under this caller's guards."""

    def __init__(self, bits: Mapping[int, Bits]) -> None:
        self._bits = bits
        self._known: dict[int, bool | exp.Expression | None] = {}

    def gives(self, condition: Condition | None) -> Formula:
        """For grants, reveals and bypasses: absent is True, UNKNOWN is False."""
        return True if condition is None else known(self._fold(condition), unknown=False)

    def takes(self, condition: Condition | None) -> Formula:
        """For denies: absent is True, UNKNOWN is True."""
        return True if condition is None else known(self._fold(condition), unknown=True)

    def _fold(self, condition: Condition) -> bool | exp.Expression | None:
        """Each condition is folded once, however many columns it decides. Whoever builds on a formula copies it."""
        at = id(condition)
        if at not in self._known:
            self._known[at] = condition.fold(self._bits[at])
        return self._known[at]


def _denies(rule: DenyRule, folded: _Folded) -> bool:
    return folded.takes(rule.when) is not False


def _not_denied(column: str, rules: ProductRules, folded: _Folded) -> Formula:
    return conjunction(
        negation(folded.takes(rule.rows))
        for rule in rules.denies
        if rule.columns is not None and column in rule.columns and _denies(rule, folded)
    )


def _passing(rule: FilterRule, folded: _Folded) -> Formula:
    bypass = folded.gives(rule.bypass) if rule.bypass is not None else False
    return disjunction([bypass, folded.gives(rule.rows)])


def _restrictions(rules: ProductRules, folded: _Folded) -> list[Formula]:
    parts: list[Formula] = []
    for rule in rules.filters:
        parts.append(_passing(rule, folded))
    for deny in rules.denies:
        if deny.columns is None and _denies(deny, folded):
            parts.append(negation(folded.takes(deny.rows)))
    return parts


def _rows(rules: ProductRules, grants: tuple[GrantRule, ...], folded: _Folded) -> Formula:
    granted = disjunction(folded.gives(grant.rows) for grant in grants)
    return conjunction([*_restrictions(rules, folded), granted])


def _cell(column: str, grants: tuple[GrantRule, ...], rules: ProductRules, folded: _Folded) -> CellDecision:
    holding = tuple(grant for grant in grants if column in grant.columns)
    allowed = _not_denied(column, rules, folded)
    if not holding or allowed is False:
        return _HIDDEN
    # The row is visible, so where every grant (or the only one) holds the column, so is the cell.
    granted = True if len(holding) == len(grants) else disjunction(folded.gives(g.rows) for g in holding)
    visible = conjunction([granted, allowed])
    masks = rules.masks.get(column, ())
    if not masks:
        return CellDecision(visible, visible, (), holding)
    reveals = {rule.name: folded.gives(rule.reveal) if rule.reveal is not None else False for rule in masks}
    clear = disjunction(
        conjunction(
            [
                folded.gives(grant.rows) if len(grants) > 1 else True,
                *(True if m.name in grant.clears.get(column, ()) else reveals[m.name] for m in masks),
            ]
        )
        for grant in holding
    )
    # A mask revealed on every row never applies; were all so, the cell would be clear wherever it is visible.
    applying = tuple((reveals[rule.name], rule) for rule in masks if reveals[rule.name] is not True)
    shown = applying or tuple((False, m) for m in masks)
    tokens = _tokens(column, grants, masks, allowed, folded)
    return CellDecision(visible, conjunction([clear, allowed]), shown, holding, tokens)


def _tokens(
    column: str, grants: tuple[GrantRule, ...], masks: tuple[MaskRule, ...], allowed: Formula, folded: _Folded
) -> TokenDecision | None:
    """The rows of the grants that give the right, less those on which the column is denied."""
    holding = [grant for grant in grants if column in grant.detokenize and column in grant.columns]
    mask = next((rule for rule in masks if rule.mask.kind == "token"), None)
    if not holding or mask is None:
        return None
    granted = True if len(holding) == len(grants) else disjunction(folded.gives(grant.rows) for grant in holding)
    rows = conjunction([granted, allowed])
    return None if rows is False else TokenDecision(rows, mask)

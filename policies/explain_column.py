"""Why one column is clear, masked, conditional or hidden: the deciding rule, its place, the reason as a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from policies.condition import Condition
from policies.decide import CellDecision, TableDecision
from policies.explain_condition import Verdict, formula_text
from policies.logic import Formula
from policies.rules import DenyRule, GrantRule, MaskRule, ProductRules
from schema.errors import Place

Gives = Callable[[Condition | None], Verdict]


@dataclass(frozen=True, slots=True)
class ColumnReason:
    """``state`` is clear, masked, conditional or hidden. ``rule`` decided it; None where it is the lack of a rule.
    ``mask`` is what stands in the value's place, in words, where a mask may apply."""

    column: str
    state: str
    rule: str | None
    place: Place | None
    sentence: str
    mask: str | None = None


def column_reason(
    name: str, cell: CellDecision, rules: ProductRules, decision: TableDecision, here: bool, gives: Gives
) -> ColumnReason:
    """The reason for a column's state. ``here``: no localize rule withholds it."""
    if cell.state == "hidden":
        return _hidden(name, rules, decision, here, gives)
    if cell.state == "masked":
        rule = cell.masks[0][1]
        return ColumnReason(name, "masked", rule.name, rule.place, f"masked by {rule.name}", shown(rule))
    if cell.state == "clear":
        return _clear(name, cell, rules, gives)
    return _conditional(name, cell)


def applying(cell: CellDecision) -> tuple[tuple[Formula, MaskRule], ...]:
    """The masks that stand in the value's place on some row; none where every visible cell is clear."""
    return () if cell.clear is True or cell.clear == cell.visible else cell.masks


def shown(rule: MaskRule) -> str:
    """A mask and what it keeps, in words."""
    kept = ", ".join(sorted(rule.mask.preserves)) or "nothing"
    spec = f" ({rule.mask.spec})" if rule.mask.spec else ""
    return f"{rule.mask.kind}{spec}, preserves {kept}"


def _hidden(name: str, rules: ProductRules, decision: TableDecision, here: bool, gives: Gives) -> ColumnReason:
    if not here:
        for local in rules.localize:
            if local.columns is None or name in local.columns:
                sentence = f"withheld by {local.name}: the data may not leave from here"
                return ColumnReason(name, "hidden", local.name, local.place, sentence)
    if not decision.grants:
        return ColumnReason(name, "hidden", None, None, "no grant matches")
    if not any(name in grant.columns for grant in decision.grants):
        names = _names(decision.grants)
        return ColumnReason(name, "hidden", None, None, f"no grant that matches ({names}) gives this column")
    denies = (rule for rule in rules.denies if rule.columns is not None and name in rule.columns)
    deny = next(rule for rule in denies if _denies(rule, gives))
    return ColumnReason(name, "hidden", deny.name, deny.place, f"denied by {deny.name}")


def _denies(rule: DenyRule, gives: Gives) -> bool:
    return all(gives(condition).outcome in ("true", "unknown") for condition in (rule.when, rule.rows))


def _clear(name: str, cell: CellDecision, rules: ProductRules, gives: Gives) -> ColumnReason:
    masks = rules.masks.get(name, ())
    open_ = [rule for rule in masks if rule.reveal is not None and gives(rule.reveal).outcome == "true"]
    closed = [rule for rule in masks if rule not in open_]
    grant = next(
        (g for g in cell.grants if all(m.name in g.clears.get(name, ()) for m in closed) and _everywhere(g, gives)),
        cell.grants[0],
    )
    reasons = [f"{rule.name} is revealed by {gives(rule.reveal).text}" for rule in open_]
    reasons += [f"{rule.name} is lifted by {grant.name}" for rule in closed]
    sentence = f"clear through {grant.name}" + (f"; {'; '.join(reasons)}" if reasons else "")
    return ColumnReason(name, "clear", grant.name, grant.place, sentence)


def _everywhere(grant: GrantRule, gives: Gives) -> bool:
    return gives(grant.rows).outcome == "true"


def _conditional(name: str, cell: CellDecision) -> ColumnReason:
    masks = applying(cell)
    parts: list[str] = []
    if cell.clear is not False:
        parts.append(f"clear where {formula_text(cell.clear)}")
    if masks:
        names = " or ".join(dict.fromkeys(rule.name for _, rule in masks))
        where = " elsewhere" if parts else ""
        if cell.visible is not True:
            where = f" {'elsewhere ' if parts else ''}where {formula_text(cell.visible)}"
        parts.append(f"masked by {names}{where}")
    if cell.visible is not True:
        parts.append("null elsewhere")
    rule: MaskRule | GrantRule = masks[0][1] if masks else cell.grants[0]
    return ColumnReason(
        name, "conditional", rule.name, rule.place, ", ".join(parts), shown(masks[0][1]) if masks else None
    )


def _names(grants: tuple[GrantRule, ...]) -> str:
    return ", ".join(grant.name for grant in grants)

"""Formulas of two versions: whether they are the same, and whether one is known to hold on no more rows."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from policies.condition import Condition
from policies.explain_condition import formula_text
from policies.fold import operands
from policies.logic import Formula
from policies.predicate_text import parse_predicate


@dataclass(frozen=True, slots=True)
class Seen:
    """A formula. ``all`` and ``any`` are its operands as a conjunction and as a disjunction, in canonical text; both
    are empty for a truth value. ``text`` is for people."""

    text: str
    truth: bool | None
    all: frozenset[str] = frozenset()
    any: frozenset[str] = frozenset()


def seen(formula: Formula) -> Seen:
    """A formula in the form that two versions compare by."""
    if isinstance(formula, bool):
        return Seen(formula_text(formula), formula)
    return Seen(formula_text(formula), None, _operands(formula, exp.And), _operands(formula, exp.Or))


def written(condition: Condition | None, absent: bool) -> Seen:
    """A condition as its steward wrote it, whoever asks. ``absent`` is what none at all means."""
    if condition is None:
        return Seen("", absent)
    tree, made_of = parse_predicate(condition.text), condition.entitlements
    return Seen(condition.text, None, _operands(tree, exp.And) | made_of, _operands(tree, exp.Or) | made_of)


def _operands(formula: exp.Expression, kind: type[exp.And] | type[exp.Or]) -> frozenset[str]:
    inner = formula.unnest()
    parts = operands(inner) if isinstance(inner, kind) else [inner]
    return frozenset(part.sql() for part in parts)


def same(old: Seen, new: Seen) -> bool:
    return (old.truth, old.all) == (new.truth, new.all)


def narrower(old: Seen, new: Seen) -> bool:
    """Whether the new formula is known to hold on no more rows: the same, more conditions, or fewer alternatives."""
    if new.truth is False or old.truth is True or same(old, new):
        return True
    if old.truth is False or new.truth is True:
        return False
    return old.all <= new.all or new.any <= old.any

"""What a condition gives for one caller, in words: true, false, unknown and why, or left to the row.

Names claims, never their values: who may read an explanation need not hold the caller's papers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from policies.condition import Condition, Moment
from policies.logic import Formula
from schema.caller import Caller

Outcome = Literal["true", "false", "unknown", "row"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``because`` is a clause that ends a sentence; empty for what needs no reason."""

    outcome: Outcome
    text: str
    because: str = ""

    def __str__(self) -> str:
        said = {"true": "is true", "false": "is false", "unknown": "is UNKNOWN", "row": "is decided by the row"}
        return f"({self.text}) {said[self.outcome]}" + (f" because {self.because}" if self.because else "")


def verdict(condition: Condition, caller: Caller, moment: Moment) -> Verdict:
    """What the condition gives."""
    text = " ".join(condition.text.split())
    bits = condition.bits(caller, moment)
    if bits is None:
        return Verdict("unknown", text, _unusable(condition, caller))
    value = condition.fold(bits)
    if value is None:
        return Verdict("unknown", text, _null(text, caller))
    if isinstance(value, exp.Expression):
        return Verdict("row", text)
    return Verdict("true" if value else "false", text)


def _unusable(condition: Condition, caller: Caller) -> str:
    """Which claims make a condition UNKNOWN as a whole."""
    reasons: list[str] = []
    for name in sorted(condition.claims):
        value = caller.claims.get(name)
        if value is None:
            reasons.append(f"claim '{name}' is absent, null or not of its declared type")
        elif isinstance(value, tuple) and None in value:
            reasons.append(f"claim '{name}' holds a null")
        elif value == () and name in condition.nonempty:
            reasons.append(f"claim '{name}' is an empty list where it is negated")
    return " and ".join(reasons) or "a claim it names cannot be used"


def _null(text: str, caller: Caller) -> str:
    lowered = text.lower()
    if "request.purpose" in lowered and caller.purpose is None:
        return "the request states no purpose"
    if "request.region" in lowered:
        return "the zone has no region"
    return "it compares with NULL"


def formula_text(formula: Formula) -> str:
    """A formula in the words of the policy language: ``carrier IN claims.carriers``."""
    if formula is True:
        return "every row"
    if formula is False:
        return "no row"
    spelt = formula.copy().transform(_spell)
    return spelt.sql(dialect="postgres")


def _spell(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.Identifier) and node.name.isidentifier():
        return exp.to_identifier(node.name, quoted=False)
    if isinstance(node, exp.Placeholder):
        return exp.Var(this=_bind(node.name))
    if isinstance(node, exp.Anonymous) and node.name in _OPERATORS:
        left, right = node.expressions
        spelt = right.transform(_spell)
        return exp.Var(this=f"{left.transform(_spell).sql(dialect='postgres')} {_OPERATORS[node.name]} {spelt.sql()}")
    return node


_OPERATORS = {"CH_IN": "IN", "CH_CONTAINS": "LIKE", "CH_ICONTAINS": "ILIKE"}


def _bind(name: str) -> str:
    room, _, key = name.partition(":")
    if room == "entitlement":
        return f"(an entitlement of {key.rpartition(':')[0]})"
    return f"claims.{key}" if room == "claim" else f"{room}.{key}"

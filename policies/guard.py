"""Guards: the parts of a condition that the papers alone decide, as Python functions.

1. `split` cuts an expression at its maximal sub-expressions that are true or false and name no column.
2. `guard_of` makes a function of such a part.
3. `guard_tuple` evaluates all guards of a product's rules for one caller: with the query, the key of its plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from sqlglot import exp

from policies.condition import Bits, Guard, Moment, Truth
from policies.evaluate import evaluator, natural
from policies.fold import GUARD
from policies.rules import ProductRules
from schema.caller import Caller
from schema.catalog import Claim
from schema.types import Kind, Type

_TESTS = (
    exp.And, exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ,
    exp.Is, exp.In, exp.Between,
)  # fmt: skip
_TEST_FUNCTIONS = frozenset({"CH_IN", "CH_CONTAINS", "CH_ICONTAINS"})
_NATIVE = frozenset({Kind.STRING, Kind.INTEGER, Kind.BIGINT, Kind.FLOAT, Kind.BOOLEAN})


def split(node: exp.Expression, truths: frozenset[str]) -> tuple[list[exp.Expression], exp.Expression | None]:
    """The guards of a condition, and its row template, in which ``guard:N`` binds stand for them; None where the whole
    condition is one guard. ``truths`` are the binds of boolean claims."""
    if _papers_only(node):
        return [node], None
    row = node.copy()
    guards: list[exp.Expression] = []
    waiting = [row]
    while waiting:
        part = waiting.pop()
        for child in [node for node in part.iter_expressions() if isinstance(node, exp.Expression)]:
            if _papers_only(child) and _is_truth(child, truths) and type(child) is not exp.Boolean:
                child.replace(exp.Placeholder(this=f"{GUARD}{len(guards)}"))
                guards.append(child)
            elif type(child) is not exp.Subquery:  # a path's own conditions stay whole
                waiting.append(child)
    return guards, row


def _papers_only(node: exp.Expression) -> bool:
    for part in node.walk():
        if isinstance(part, exp.Column | exp.Query):
            return False
        if type(part) is exp.Placeholder and part.name.startswith("entitlement:"):
            return False
    return True


def _is_truth(node: exp.Expression, truths: frozenset[str]) -> bool:
    """Whether a part is true, false or unknown (and not a text or number)."""
    if isinstance(node, _TESTS) or type(node) is exp.Boolean:
        return True
    if type(node) is exp.Anonymous:
        return node.name in _TEST_FUNCTIONS
    if type(node) is exp.Placeholder:
        return node.name in truths
    if type(node) in (exp.Paren, exp.Nullif):
        return _is_truth(node.this, truths)
    values: list[exp.Expression] = []
    if type(node) is exp.Case:
        values = [branch.args["true"] for branch in node.args["ifs"]] + [node.args.get("default") or exp.Null()]
    elif type(node) is exp.Coalesce:
        values = [node.this, *node.expressions]
    known = [value for value in values if type(value) is not exp.Null]
    return bool(known) and all(_is_truth(value, truths) for value in known)


class _Decides:
    """A guard. Pickled, it is the expression that it was made of."""

    __slots__ = ("_made_of", "_run", "_spelt")

    def __init__(self, node: exp.Expression, claims: Mapping[str, Claim]) -> None:
        self._made_of = node, claims
        self._run = evaluator(node)
        self._spelt = {f"claim:{c.name}": c.type for c in claims.values() if c.type.kind not in _NATIVE}

    def __call__(self, caller: Caller, moment: Moment) -> Truth:
        spelt = self._spelt

        def look(name: str) -> object:
            room, _, key = name.partition(":")
            if room == "request":
                return request_value(key, caller, moment)
            value = caller.claims[key]
            return _typed(value, spelt[name]) if name in spelt else value

        value = self._run(look)
        return value if isinstance(value, bool) else None

    def __reduce__(self) -> tuple[object, ...]:
        return _Decides, self._made_of


def guard_of(node: exp.Expression, claims: Mapping[str, Claim]) -> Guard:
    """A function that decides this part for a caller. Claims that it names are present: `Condition.bits` sees to it."""
    return _Decides(node, claims)


def _typed(value: object, type_: Type) -> object:
    return tuple(natural(item, type_) for item in value) if isinstance(value, tuple) else natural(value, type_)


def request_value(name: str, caller: Caller, moment: Moment) -> object:
    """What ``request.<name>`` is: text or None; ``time`` an aware datetime, to the minute."""
    if name == "zone":
        return caller.zone
    if name == "purpose":
        return caller.purpose
    return moment.region if name == "region" else _instant(moment.minute)


@lru_cache(maxsize=16)
def _instant(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def guard_tuple(rules: ProductRules, caller: Caller, moment: Moment) -> tuple[Bits, ...]:
    """The guards of a product's conditions for a caller, in the order of `ProductRules.conditions`."""
    return tuple(condition.bits(caller, moment) for condition in rules.conditions())

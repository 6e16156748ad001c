"""A policy predicate, split at load into guards (claims and request only) and a row template.

Three-valued: True, False, None (UNKNOWN). A condition that names an absent, null or mistyped claim, a list with a null
element, or an empty list in a negative position, is UNKNOWN as a whole (docs/policies.md, "Fail closed").
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from policies.fold import fold
from schema.caller import Caller, ClaimValue
from schema.errors import Place

Truth = bool | None
Bits = tuple[Truth, ...] | None
"""The guards of a condition for one caller, in order; None: the condition as a whole is UNKNOWN."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a policy may know of the request besides the caller: the time, and the gateway's region.

    ``minute`` is Unix time in whole minutes.
    """

    minute: int
    region: str | None


Guard = Callable[[Caller, Moment], Truth]


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled predicate.

    ``guards`` are its maximal sub-expressions over claims and request alone, as Python functions. ``row`` is the rest:
    an expression over the product's logical columns (``exp.Column`` without table), in which ``exp.Placeholder(
    "guard:0")`` stands for a guard and ``exp.Placeholder("claim:carriers")`` / ``("request:time")`` /
    ``("entitlement:<id>")`` for a bind; None where the whole predicate is the single guard 0. ``claims`` are named
    anywhere in it; ``nonempty`` are list claims in a negative position (under anything but AND, OR and IS TRUE).
    ``columns`` are the product's real columns that it reads, ``related`` the products its paths lead to,
    ``entitlements`` the ids of its sub-selects, ``requests`` the names after ``request.`` that stand in it. ``guarded``
    are the claims whose values the guards read; of the others only whether they are usable and empty counts for them.
    """

    text: str
    place: Place
    claims: frozenset[str]
    nonempty: frozenset[str]
    guards: tuple[Guard, ...]
    row: exp.Expression | None
    columns: frozenset[str]
    related: frozenset[str] = frozenset()
    entitlements: frozenset[str] = frozenset()
    requests: frozenset[str] = frozenset()
    guarded: frozenset[str] = frozenset()

    def bits(self, caller: Caller, moment: Moment) -> Bits:
        """Evaluate the guards. None where a claim it names is missing or unusable."""
        for name in self.claims:
            if not usable(caller.claims.get(name)):
                return None
        if any(caller.claims[name] == () for name in self.nonempty):
            return None
        return tuple(guard(caller, moment) for guard in self.guards)

    def outcome(self, bits: Bits) -> Truth | Literal["row"]:
        """What the guards alone decide: a truth value, or ``row`` where it is left to the row. Cheaper than `fold`."""
        if bits is None or self.row is None:
            return None if bits is None else bits[0]
        if not bits:
            return "row"
        value = self.fold(bits)
        return "row" if isinstance(value, exp.Expression) else value

    def fold(self, bits: Bits) -> Truth | exp.Expression:
        """The condition under these guards: a truth value, or an expression over the row."""
        if bits is None:
            return None
        if self.row is None:
            return bits[0]
        return fold(self.row, bits)


def usable(value: ClaimValue | None) -> bool:
    """Whether a claim has a value: present, no NULL element, no NaN (which engines order differently)."""
    if isinstance(value, tuple):
        return all(item is not None and usable(item) for item in value)
    return value is not None and not (isinstance(value, float) and math.isnan(value))

"""A policy predicate, split at load into guards (claims and request only) and a row template.

Three-valued: True, False, None (UNKNOWN). A condition that names an absent, null or mistyped claim, a list with a null
element, or an empty list in a negative position, is UNKNOWN as a whole (docs/policies.md, "Fail closed").
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from schema.caller import Caller
from schema.errors import Place

Truth = bool | None
Bits = tuple[Truth, ...] | None
"""The guards of a condition for one caller, in order; None: the condition as a whole is UNKNOWN."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What a policy may know of the request besides the caller: Unix time to the minute, and the gateway's region."""

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
    anywhere in it; ``nonempty`` are list claims in a negative position.
    """

    text: str
    place: Place
    claims: frozenset[str]
    nonempty: frozenset[str]
    guards: tuple[Guard, ...]
    row: exp.Expression | None
    columns: frozenset[str]

    def bits(self, caller: Caller, moment: Moment) -> Bits:
        """Evaluate the guards. None where a claim it names is missing or unusable."""
        for name in self.claims:
            value = caller.claims.get(name)
            if value is None or (isinstance(value, tuple) and None in value):
                return None
        if any(caller.claims[name] == () for name in self.nonempty):
            return None
        return tuple(guard(caller, moment) for guard in self.guards)

    def fold(self, bits: Bits) -> Truth | exp.Expression:
        """The condition under these guards: a truth value, or an expression over the row."""
        if bits is None:
            return None
        if self.row is None:
            return bits[0]
        from policies.fold import fold  # the folding rules are long enough for a room of their own

        return fold(self.row, bits)

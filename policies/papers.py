"""Papers: what of a caller the guards of a zone look at. Callers alike in it know the same names and share plans.

A claim counts by its value where a guard reads it; elsewhere, as a bind of a row filter, only by whether it can be used
and whether it is an empty list. So ten thousand subjects over a dozen regions are a dozen papers, or one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from policies.condition import Condition, Moment, usable
from policies.rules import PolicySet
from schema.caller import Caller


@dataclass(frozen=True, slots=True)
class Papers:
    """``values`` are claims that count by value, ``uses`` those that count by usability. ``purpose`` and ``time``: the
    guards may look at the purpose, or at the time, in which case nothing is alike for longer than a minute."""

    values: tuple[str, ...]
    uses: tuple[str, ...]
    purpose: bool
    time: bool

    def of(self, caller: Caller, moment: Moment) -> Hashable:
        """What counts of a caller's papers. Values of different types differ, also where Python calls them equal."""
        claims = caller.claims
        return (
            tuple(_typed(claims.get(name)) for name in self.values),
            tuple(_use(claims.get(name)) for name in self.uses),
            caller.purpose if self.purpose else None,
            moment.minute if self.time else None,
            moment.region,
        )


def papers(policies: PolicySet, zone: str) -> Papers:
    """What the guards of a zone's rules look at."""
    found = list(_conditions(policies, zone))
    values = frozenset[str]().union(*(condition.guarded for condition in found))
    uses = frozenset[str]().union(*(condition.claims | condition.nonempty for condition in found)) - values
    requests = frozenset[str]().union(*(condition.requests for condition in found))
    return Papers(tuple(sorted(values)), tuple(sorted(uses)), "purpose" in requests, "time" in requests)


def _conditions(policies: PolicySet, zone: str) -> Iterable[Condition]:
    return (condition for rules in policies.rules[zone].values() for condition in rules.conditions())


def _typed(value: object) -> Hashable:
    if isinstance(value, tuple):
        return (tuple, *((type(item), item) for item in value))
    return (type(value), value)


def _use(value: object) -> tuple[bool, bool]:
    return usable(value), value == ()  # type: ignore[arg-type]  # what a caller's claims hold

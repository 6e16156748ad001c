"""Sights: what a caller's papers decide before a question is looked at, kept for callers whose papers are alike.

A `Sight` holds the visible names and, product set by product set, the guards. Which papers are alike, `policies.papers`
says; so ten thousand subjects share a dozen sights, and their plans.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from policies.condition import Moment
from policies.govern import GuardTuple, guard
from policies.guard import guard_tuple
from policies.papers import papers
from policies.rules import PolicySet
from policies.visible import visible
from resolvers.cache import Bounded
from schema.caller import Caller
from schema.catalog import Catalog
from schema.visible import VisibleSet

CALLERS, SIGHTS, PRODUCT_SETS = 20_000, 2_000, 500


@dataclass(frozen=True, slots=True)
class Guards:
    """A guard tuple, and a number that no other tuple of this engine ever has: cheap to look plans up by."""

    tuple: GuardTuple
    number: int


@dataclass(frozen=True, slots=True)
class Sight:
    """What all callers with the same papers share. ``moment`` is when their guards are evaluated; ``number`` is that of
    no other sight of this engine, ever."""

    visible: VisibleSet
    moment: Moment
    number: int
    guards: Bounded[Guards] = field(default_factory=lambda: Bounded(PRODUCT_SETS))


class Sights:
    """The sights of one zone under one version of catalog and policies. ``now`` gives the moment."""

    def __init__(self, policies: PolicySet, catalog: Catalog, zone: str, now: Callable[[], Moment]) -> None:
        self._policies, self._catalog, self._now = policies, catalog, now
        self._papers = papers(policies, zone)
        self._callers: Bounded[Sight] = Bounded(CALLERS)
        self._sights: Bounded[Sight] = Bounded(SIGHTS)
        self._numbers: Bounded[Guards] = Bounded(SIGHTS)
        self._numbered = itertools.count(1)

    def known(self, caller: Caller) -> Sight | None:
        """The caller's sight, where one has been made for papers like these and the moment still allows it."""
        found = self._callers.known(caller.digest)
        if found is not None and not (self._papers.time and found.moment.minute != self._now().minute):
            return found
        found = self._sights.known(self._papers.of(caller, self._now()))
        return None if found is None else self._callers.keep(caller.digest, found)

    def of(self, caller: Caller) -> Sight:
        """The caller's sight."""
        known = self.known(caller)
        if known is not None:
            return known
        moment = self._now()
        alike = self._papers.of(caller, moment)
        sight = self._sights.get(alike, lambda: self._made(caller, moment))
        return self._callers.keep(caller.digest, sight)

    def _made(self, caller: Caller, moment: Moment) -> Sight:
        return Sight(visible(self._policies, self._catalog, caller, moment), moment, next(self._numbered))

    def guards(self, sight: Sight, caller: Caller, products: frozenset[str]) -> Guards:
        """The caller's guards for these products."""
        return sight.guards.get(products, lambda: self._alike(self._evaluated(sight.moment, caller, products)))

    def _evaluated(self, moment: Moment, caller: Caller, products: frozenset[str]) -> GuardTuple:
        return guard(products, caller, self._policies, lambda rules: guard_tuple(rules, caller, moment))

    def _alike(self, found: GuardTuple) -> Guards:
        key: Hashable = found
        known = self._numbers.known(key)
        if known is not None:
            return known
        return self._numbers.keep(key, Guards(found, next(self._numbered)))

"""Asking one statement of two projects. The reference has independent Python's view as raw tables (tests.leak)."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from resolvers.statements.engine import Asked
from schema.errors import Refusal
from tests.leak.compare import ADMIN, Difference
from tests.leak.house import House, caller, rounded
from tests.leak.perturb import KEYS as PRODUCT_KEYS
from tests.leak.perturb import perturbed, visible_raw
from tests.leak.questions import KINDS
from tests.leak.reference import Persona, columns, products
from tests.leak.sql.questions import LINKS, PARTNER_LINKS, Asks
from tests.leak.world import World, world


async def ask(house: House, text: str, persona: Persona) -> object:
    """The rows of a statement as a multiset, or what was refused."""
    try:
        result = await house.engine.statements.answer(Asked(text), caller(persona))
        try:
            rows: list[object] = []
            async for batch in result.stream:
                rows += zip(*(column.to_pylist() for column in batch.columns), strict=True)
            return sorted((repr([_plain(value) for value in row]) for row in rows), key=str)
        finally:
            await result.stream.aclose()
    except Refusal as refusal:
        return refusal.code, refusal.message, refusal.hint, refusal.status, refusal.locations


def _plain(value: object) -> object:
    """Numbers as numbers: what is a decimal in one engine's sum is a float in another's."""
    return rounded(float(value)) if isinstance(value, Decimal | float) else value


@dataclass
class Beyond(Asks):
    """One question in five asks beyond what is known, where the errors must be the same too."""

    beyond: Mapping[str, list[str]] = field(default_factory=dict)

    def question(self) -> str:
        known = self.columns, self.ways
        if self.dice.random() < 0.2:
            self.columns, self.ways = self.beyond, LINKS
        try:
            return super().question()
        finally:
            self.columns, self.ways = known


def within(persona: Persona, seed: int) -> Asks:
    """Statements within what the persona may know, that cannot raise."""
    known = {product: sorted(columns(persona, product)) for product in sorted(products(persona))}
    return Asks(random.Random(f"{persona.name}/{seed}/sql"), known, ways=_ways(persona))


def _ways(persona: Persona) -> list[tuple[str, str, str, str]]:
    return PARTNER_LINKS if persona.zone == "partner" else LINKS


def everything(persona: Persona, seed: int) -> Asks:
    """Statements within it and beyond, some of which may raise."""
    made = world(seed)
    hidden = _hidden((made, perturbed(made, persona, seed)), persona)
    known = {product: sorted(columns(persona, product)) for product in sorted(products(persona))}
    every = {product: sorted(kinds) for product, kinds in KINDS.items()}
    return Beyond(
        random.Random(f"{persona.name}/{seed}/sql/everything"),
        known or every,
        raising=True,
        hidden=hidden,
        ways=_ways(persona),
        beyond=every,
    )


def _hidden(worlds: tuple[World, ...], persona: Persona) -> dict[str, dict[str, list[str]]]:
    """Numbers that stand in rows which the persona does not see, and in none that they do."""
    found: dict[str, dict[str, list[str]]] = {}
    for product, key in PRODUCT_KEYS.items():
        seen = [row for made in worlds for row in visible_raw(made, persona, product)]
        keys = {row[key] for row in seen}
        rows = [row for made in worlds for row in made[product] if row[key] not in keys]
        for name in rows[0] if rows else ():
            shown = {row[name] for row in seen}
            values = {row[name] for row in rows if type(row[name]) is int} - shown
            if values:
                found.setdefault(product, {})[name] = sorted(map(str, values))
    return found


async def leaks(real: House, reference: House, persona: Persona, asks: Asks, found: list[Difference]) -> bool:
    """Ask one statement of both; gives whether it was answered."""
    question = asks.question()
    mine, theirs = await ask(real, question, persona), await ask(reference, question, ADMIN)
    if mine != theirs:
        found.append(Difference(persona.name, question, repr(mine), repr(theirs)))
    return isinstance(mine, list)


async def interference(real: House, other: House, persona: Persona, asks: Asks, found: list[Difference]) -> bool:
    """Ask one statement of both; answers and refusals must be the same."""
    question = asks.question()
    one, two = await ask(real, question, persona), await ask(other, question, persona)
    if one != two or "CANARY-other" in repr((one, two)):
        found.append(Difference(persona.name, question, repr(one), repr(two)))
    return isinstance(one, list)

"""A second world that differs from the first only in what a persona may not see: hidden rows change, vanish and appear,
rows of the store among them, and values change behind equal masks. `seen` confirms each step.
"""

from __future__ import annotations

import copy
import random
from datetime import date, datetime, timedelta
from decimal import Decimal

from tests.leak.keyed.seen import Persona, seen
from tests.leak.keyed.world import CUSTOMERS, DAYS, ITEMS, KEYS, NOW, REGIONS, Row, World

HIDDEN = 9
"""How many hidden rows may appear in a table: more than the most candidates of the project."""


def perturbed(world: World, who: Persona, seed: int) -> World:
    """A world with another secret half and the same visible half."""
    dice = random.Random(f"{who.name}/{seed}/other")
    wanted, other = seen(world, who), copy.deepcopy(world)
    for product, rows in other.items():
        for row in list(rows):
            if dice.random() < 0.3:
                _without(other, product, row, who, wanted)
        for row in list(rows):
            for name in row:
                _change(other, product, row, name, who, wanted, dice)
        for row in _new(product, world[product], dice):
            _with(other, product, row, who, wanted)
    assert seen(other, who) == wanted
    return other


def _without(world: World, product: str, row: Row, who: Persona, wanted: object) -> None:
    at = world[product].index(row)
    del world[product][at]
    if seen(world, who) != wanted:
        world[product].insert(at, row)


def _with(world: World, product: str, row: Row, who: Persona, wanted: object) -> None:
    if not _unique(world, product, row):
        return
    world[product].append(row)
    if seen(world, who) != wanted:
        world[product].pop()


def _unique(world: World, product: str, row: Row) -> bool:
    key = [row[name] for name in KEYS[product]]
    return all([other[name] for name in KEYS[product]] != key for other in world[product] if other is not row)


def _change(world: World, product: str, row: Row, name: str, who: Persona, wanted: object, dice: random.Random) -> None:
    """The first change that the persona cannot see."""
    before = row[name]
    for value in _values(before, [other[name] for other in world[product]], dice):
        row[name] = value
        if value == before or (value is None and name in KEYS[product]) or not _unique(world, product, row):
            continue
        if seen(world, who) == wanted:
            return
    row[name] = before


def _values(value: object, others: list[object], dice: random.Random) -> list[object]:
    found: list[object] = [dice.choice(others), dice.choice(others), None]
    match value:
        case bool():
            found += [not value]
        case Decimal():
            found += [value + 37, value + Decimal("0.07")]
        case int():
            found += [value + 1000]
        case float():
            found += [value + 250.0, value + 37.0, value + 0.5]
        case datetime():
            found += [value - timedelta(days=9), value - timedelta(hours=3)]
        case date():
            found += [value + timedelta(days=40), value + timedelta(days=1), value + timedelta(days=9)]
        case str():
            found += [f"CANARY-other-{dice.randrange(999)}"]
    return found


def _new(product: str, rows: list[Row], dice: random.Random) -> list[Row]:
    """Rows that may be hidden: in the tables anything, in the store entities that tables lead to."""
    if product == "feat.item_features":
        made = [{"item": item, "region": region} for item in ITEMS for region in REGIONS]
        return [{**dice.choice(rows), **key, "owner": "ZZ", "hidden": True} for key in made] if rows else []
    if product == "feat.customer_scores":
        return [{"customer": name, "score": 9.0, "tier": "CANARY-other-1"} for name in CUSTOMERS]
    if product == "feat.day_loads":
        return [{"day": day, "load": 77.0} for day in DAYS]
    if product == "shop.slots":
        return [{"day": day, "title": "CANARY-other-2"} for day in DAYS]
    if product == "feat.item_trips":
        return [{"item": item, "computed": NOW, "trips": 99} for item in ITEMS]
    made = [copy.deepcopy(dice.choice(rows)) for _ in range(HIDDEN)] if rows else []
    key = KEYS[product][0]
    for n, row in enumerate(made):
        row[key] = 5000 + n if isinstance(row[key], int) else f"CANARY-other-{n}"
        row["region"] = dice.choice([*REGIONS, "ZZ", None])
    return made

"""A second world that differs from the first only in what a persona may not see.

Hidden rows change, vanish and appear; cells that are not granted change; masked cells get other raw values with the
same mask. The independent reference then confirms that the persona's view is the same, links included. Keys of a
product whose key is masked stay: their keyed hash breaks ties, which is meant (docs/masks.md).
"""

from __future__ import annotations

import copy
import random
from datetime import date, datetime, timedelta
from decimal import Decimal

from tests.leak.reference import Persona, governed, products
from tests.leak.world import Row, World

KEYS = {"crm.people": "id", "crm.orders": "id", "crm.badges": "badge_no", "geo.stores": "code"}
TRIES = 12


def perturbed(world: World, persona: Persona, seed: int) -> World:
    """A world with another secret half and the same visible half."""
    dice = random.Random(f"{persona.name}/{seed}/other")
    wanted = governed(world, persona)
    other = copy.deepcopy(world)
    tied = {"crm.badges"} & products(persona)
    for product in KEYS:
        seen = {row[KEYS[product]] for row in visible_raw(world, persona, product)}
        other[product] = [
            row for row in other[product] if row[KEYS[product]] in seen or product in tied or dice.random() < 0.8
        ]
    for product, rows in other.items():
        for row in rows:
            for name in row:
                _try(other, persona, wanted, product, row, name, dice)
    _append_hidden(other, persona, wanted, dice)
    assert governed(other, persona) == wanted
    return other


def visible_raw(world: World, persona: Persona, product: str) -> list[Row]:
    """The raw rows behind what the persona sees."""
    single = ({**world, product: [row]} for row in world[product])
    return [one[product][0] for one in single if governed(one, persona).get(product)]


def _try(
    world: World, persona: Persona, wanted: object, product: str, row: Row, name: str, dice: random.Random
) -> None:
    """Change a cell in the ways its masks may allow; keep the first change that the persona cannot see."""
    if product == "crm.badges" and name == "badge_no" and product in products(persona):
        return
    before = row[name]
    for candidate in _candidates(before, dice):
        row[name] = candidate
        if _same(world, persona, wanted, product):
            return
    row[name] = before


def _same(world: World, persona: Persona, wanted: object, product: str) -> bool:
    return governed(world, persona) == wanted


def _candidates(value: object, dice: random.Random) -> list[object]:
    match value:
        case bool() | None:
            return [dice.choice([True, False]), f"CANARY-other-{dice.randrange(999)}"] if value is not None else []
        case int():
            return [value + 1000, value + 1]
        case Decimal():
            return [value + 12345, value + dice.randrange(1, 40)]
        case float():
            return [value + 31.5, value + 0.001]
        case datetime():
            return [value + timedelta(days=400), value + timedelta(hours=3)]
        case date():
            return [value + timedelta(days=800), value + timedelta(days=3)]
        case str():
            _, at, domain = value.partition("@")
            return [f"CANARY-other-{dice.randrange(999)}", f"other{at}{domain}", value[:1] + "other", value + "x"]
        case _:
            return []


def _append_hidden(world: World, persona: Persona, wanted: object, dice: random.Random) -> None:
    """New rows that the persona does not see."""
    for product, key in KEYS.items():
        for number in range(3):
            row = copy.deepcopy(dice.choice(world[product])) if world[product] else None
            if row is None or (product == "crm.badges" and product in products(persona)):
                continue
            row[key] = 5000 + number if isinstance(row[key], int) else f"S9{number}x"
            world[product].append(row)
            if governed(world, persona) != wanted:
                world[product].pop()

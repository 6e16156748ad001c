"""A small seeded world of tables, a store's entities and models, with edge values where masks and rules may slip.

Days are often the first of a month, so that their mask leaves them as they are; many entities are there that nobody
but root may see, and many keys of the tables lead to none.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from tests.leak.house import MINUTE

Row = dict[str, object]
World = dict[str, list[Row]]

NOW = datetime.fromtimestamp(MINUTE, UTC)
REGIONS = ("EU", "US")
ITEMS = ("pen", "ink", "map", "cup", "tag")
CUSTOMERS = ("ann", "bob", "cy", "dee", "eve", "flo")
DAYS = (date(2024, 1, 1), date(2024, 2, 1), date(2024, 2, 9), date(2024, 3, 1), date(2024, 3, 31))
TABLES: dict[str, tuple[str, str, dict[str, str]]] = {
    "shop.orders": ("main", "orders", {
        "id": "BIGINT", "region": "TEXT", "customer": "TEXT", "item": "TEXT", "day": "DATE",
        "amount": "DOUBLE PRECISION", "weight": "INTEGER", "note": "TEXT", "slot": "DATE",
    }),
    "shop.visits": ("main", "visits", {
        "id": "BIGINT", "region": "TEXT", "item": "TEXT", "person": "TEXT", "spent": "DOUBLE PRECISION",
    }),
    "shop.items": ("side", "items", {"item": "TEXT", "region": "TEXT", "price": "DOUBLE PRECISION"}),
    "shop.slots": ("side", "slots", {"day": "DATE", "title": "TEXT"}),
    "feat.item_trips": ("main", "item_trips", {"item": "TEXT", "computed": "TIMESTAMPTZ", "trips": "INTEGER"}),
}  # fmt: skip
STORED: dict[str, tuple[str, str, dict[str, str]]] = {
    "feat.item_features": ("main", "item_features", {
        "item": "TEXT", "region": "TEXT", "computed": "TIMESTAMPTZ", "demand": "DOUBLE PRECISION",
        "margin": "DECIMAL(8,2)", "grade": "TEXT", "owner": "TEXT", "hidden": "BOOLEAN",
    }),
    "feat.customer_scores": ("main", "customer_scores", {
        "customer": "TEXT", "score": "DOUBLE PRECISION", "tier": "TEXT",
    }),
    "feat.day_loads": ("main", "day_loads", {"day": "DATE", "load": "DOUBLE PRECISION"}),
}  # fmt: skip
KEYS = {
    "shop.orders": ("id",), "shop.visits": ("id",), "shop.items": ("item",), "shop.slots": ("day",),
    "feat.item_trips": ("item", "computed"),
    "feat.item_features": ("item", "region"), "feat.customer_scores": ("customer",), "feat.day_loads": ("day",),
}  # fmt: skip


def world(seed: int) -> World:
    """Raw rows by product id. The same seed gives the same world."""
    dice = random.Random(seed)
    return {
        "shop.orders": [_order(dice, n) for n in range(1, 17)],
        "shop.visits": [_visit(dice, n) for n in range(1, 21)],
        "shop.items": [
            {"item": item, "region": dice.choice(REGIONS), "price": _amount(dice)} for item in ITEMS if item != "tag"
        ],
        "shop.slots": [{"day": day, "title": dice.choice("abc")} for day in DAYS[1:]],
        "feat.item_trips": [_trip(dice, item, n) for item in ITEMS[:4] for n in range(dice.randint(0, 2))],
        "feat.item_features": [
            _feature(dice, item, region) for item in ITEMS for region in REGIONS if dice.random() < 0.8
        ],
        "feat.customer_scores": [
            {"customer": name, "score": dice.choice([None, 0.5, 2.0]), "tier": dice.choice([None, "a", "b"])}
            for name in CUSTOMERS[:5]
        ],
        "feat.day_loads": [{"day": day, "load": float(dice.randrange(9))} for day in DAYS],
    }


def _amount(dice: random.Random) -> float | None:
    return dice.choice([None, 40.0, 100.0, 120.0, 180.0, 250.0, 300.0])


def _order(dice: random.Random, n: int) -> Row:
    return {
        "id": n,
        "region": dice.choice(REGIONS),
        "customer": dice.choice([None, *CUSTOMERS]),
        "item": dice.choice([None, *ITEMS]),
        "day": dice.choice([None, *DAYS]),
        "amount": _amount(dice),
        "weight": dice.choice([None, -2, 0, 3, 8]),
        "note": dice.choice([None, f"CANARY-note-{n}"]),
        "slot": dice.choice([None, *DAYS]),
    }


def _visit(dice: random.Random, n: int) -> Row:
    return {
        "id": n,
        "region": dice.choice(REGIONS),
        "item": dice.choice([None, *ITEMS]),
        "person": dice.choice([None, *CUSTOMERS]),
        "spent": dice.choice([None, 5.0, 7.5, 20.0]),
    }


def _trip(dice: random.Random, item: str, n: int) -> Row:
    return {"item": item, "computed": NOW - timedelta(hours=30 * n + 1), "trips": dice.choice([None, 1, 5])}


def _feature(dice: random.Random, item: str, region: str) -> Row:
    return {
        "item": item,
        "region": region,
        "computed": dice.choice([None, NOW - timedelta(hours=1), NOW - timedelta(days=5)]),
        "demand": dice.choice([None, 0.0, 12.5, 50.0, 80.0]),
        "margin": dice.choice([None, Decimal("0.50"), Decimal("100.00"), Decimal("199.99")]),
        "grade": dice.choice([None, "x", f"CANARY-grade-{item}"]),
        "owner": dice.choice([None, *REGIONS]),
        "hidden": dice.choice([None, False, False, False, True]),
    }


def number(value: object) -> float:
    return float(str(value)) if isinstance(value, int | float) else 0.0


def risk(inputs: Mapping[str, object]) -> Mapping[str, object]:
    """A score that shows its inputs."""
    weight, amount, demand = (number(inputs[name]) for name in ("weight", "amount", "demand"))
    probability = round(weight / 1e2 + amount / 1e4 + demand / 1e3 + (inputs["demand"] is None) / 7, 6)
    return {"probability": probability, "label": "late" if probability > 0.1 else "on time"}


def cost(inputs: Mapping[str, object]) -> Mapping[str, object]:
    return {"doubled": number(inputs["amount"]) * 2, "rank": "high" if number(inputs["amount"]) > 150 else "low"}


def guess(inputs: Mapping[str, object]) -> Mapping[str, object]:
    return {"said": f"{inputs['customer']} of {inputs['weight']}"}


def second(inputs: Mapping[str, object]) -> Mapping[str, object]:
    return {"said": f"{inputs['probability']} and {inputs['note']}"}


SCORES = {"ml.risk": risk, "ml.cost": cost, "ml.guess": guess, "ml.second": second}

"""A small seeded world for the leak tests: five tables full of edge values, with a canary in every text cell."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

Row = dict[str, object]
World = dict[str, list[Row]]

REGIONS = ["EU", "US", "XX", None]


def world(seed: int, people: int = 24, orders: int = 60) -> World:
    """Raw rows by product id. The same seed gives the same world."""
    dice = random.Random(seed)
    stores: list[Row] = [
        {
            "code": f"S{n:02d}",
            "name": f"Store {n} CANARY-store-{n}",
            "region": dice.choice(["EU", "US"]),
            "lat": round(dice.uniform(-60, 60), 4),
            "opened": date(2000, 1, 1) + timedelta(days=dice.randrange(7000)),
        }
        for n in range(7)
    ]
    badges: list[Row] = [
        {"badge_no": f"CANARY-badge-{n}", "level": dice.randrange(5), "colour": dice.choice(["red", "blue", None])}
        for n in range(6)
    ]
    return {
        "crm.people": [_person(dice, n, people) for n in range(1, people + 1)],
        "crm.orders": [_order(dice, n, people, stores, badges) for n in range(1, orders + 1)],
        "crm.badges": badges,
        "geo.stores": stores,
        "internal.rights": [
            {"id": 1, "username": "carl", "store_code": "S01"},
            {"id": 2, "username": "carl", "store_code": "S04"},
            {"id": 3, "username": "zoe", "store_code": "S02"},
        ],
    }


def _person(dice: random.Random, n: int, people: int) -> Row:
    return {
        "id": n,
        "name": dice.choice([None, "", "A", f"CANARY-name-{n}", f"Zoë CANARY-name-{n}"]),
        "email": dice.choice([None, "", "broken", f"canary.mail.{n}@example.org", f"c{n}@example.com"]),
        "phone": dice.choice([None, f"CANARY-phone-{n}"]),
        "region": dice.choice(REGIONS),
        "birth": dice.choice([None, date(1950, 1, 1) + timedelta(days=dice.randrange(20000))]),
        "balance": dice.choice([None, Decimal(dice.randrange(-100000, 200000)) / 100]),
        "score": dice.choice([None, 0.0, round(dice.uniform(-5, 5), 3)]),
        "vip": dice.choice([None, True, False]),
        "manager_id": dice.choice([None, 1, 2, 3, dice.randrange(1, people + 1)]),
        "notes": dice.choice([None, f"CANARY-notes-{n} 50% off_\\ 'quoted'"]),
    }


def _order(dice: random.Random, n: int, people: int, stores: list[Row], badges: list[Row]) -> Row:
    return {
        "id": n,
        "person_id": dice.choice([None, dice.randrange(1, people + 4)]),
        "store_code": dice.choice([None, "S99", *(store["code"] for store in stores)]),
        "badge_no": dice.choice([None, *(badge["badge_no"] for badge in badges)]),
        "amount": dice.choice([None, Decimal(dice.randrange(0, 100000)) / 100]),
        "quantity": dice.choice([None, dice.randrange(-3, 9)]),
        "placed_at": datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=dice.randrange(9000)),
        "status": dice.choice([None, "open", "paid", "void"]),
        "code": dice.choice([None, f"CANARY-code-{n}"]),
    }

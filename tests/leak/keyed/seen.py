"""What each persona may see of the world, in plain Python, written from docs/policies.md, docs/masks.md and
docs/graphql.md alone: governed rows, the links that may be followed, and what raw models tell of a row.

Nothing of the product is imported. It need not spell values as an answer does; it says when two worlds look the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

from tests.leak.keyed.world import Row, World, cost, guess


@dataclass(frozen=True)
class Persona:
    name: str
    roles: tuple[str, ...] = ()
    regions: tuple[str, ...] | None = None
    purpose: str | None = None
    zone: str = "internal"

    @property
    def root(self) -> bool:
        return "root" in self.roles

    @property
    def audits(self) -> bool:
        return self.purpose == "audit"


ROOT = Persona("root", ("root",), ("EU",))
PERSONAS = (
    Persona("staff", ("staff",), ("EU",)),
    Persona("tokens", ("staff", "tokens"), ("US",)),
    Persona("everywhere", ("staff",), ("EU", "US")),
    Persona("nowhere", ("staff",)),
    Persona("audit", ("staff",), ("EU",), "audit"),
    Persona("clerk", ("clerk",), ("US",), "audit"),
    Persona("desk", ("desk",)),
    Persona("nobody"),
)
PARTNERS = tuple(replace(who, zone="partner") for who in PERSONAS)
"""The same papers at the zone that publishes a part: without these products, and columns, relationships, scores."""
ZONES = {"internal": PERSONAS, "partner": PARTNERS}
UNPUBLISHED = {"shop.slots"}
WITHHELD = {"note", "slot", "grade", "guess"}

FEATURES = ("item", "region", "computed", "demand", "margin", "grade")


def seen(world: World, who: Persona) -> dict[str, list[Row]]:
    """By product the rows that the persona sees, in the order of the world."""
    return {
        product: [_shown(row, who) for raw in rows if (row := _SEE[product](raw, who, world)) is not None]
        for product, rows in world.items()
        if who.zone == "internal" or product not in UNPUBLISHED
    }


def _shown(row: Row, who: Persona) -> Row:
    """Whose groups a figure is over stays: of so many it is, whoever may name the column."""
    return row if who.zone == "internal" else {name: value for name, value in row.items() if name not in WITHHELD}


def bucket(value: object) -> object:
    return None if value is None else 100 * math.floor(float(str(value)) / 100)


def _in_region(row: Row, who: Persona) -> bool:
    return who.regions is not None and row["region"] in who.regions


def _order(row: Row, who: Persona, world: World) -> Row | None:
    """Tokens tell equal values apart from others and no more; here they stand as what they are made of."""
    if "desk" in who.roles:
        return {"id": row["id"], "weight": row["weight"], "amount": bucket(row["amount"])}
    if who.root:
        return dict(row)
    if not {"staff", "clerk", "tokens"} & set(who.roles) or not _in_region(row, who):
        return None
    found = {**row, "note": None, "amount": bucket(row["amount"]), "slot": _month(row["slot"])}
    if who.audits and row["amount"] is not None:
        said = cost({"amount": row["amount"]})
        found["doubled"] = bucket(said["doubled"])
        if "staff" in who.roles:
            found["rank"] = said["rank"]
    if who.audits and "staff" in who.roles and row["customer"] is not None:
        found["guess"] = guess({"customer": row["customer"], "weight": row["weight"]})
    return found


def _ware(row: Row, who: Persona, world: World) -> Row | None:
    if who.root:
        return dict(row)
    if "staff" not in who.roles or not _in_region(row, who):
        return None
    return {**row, "price": bucket(row["price"])} if "price" in row else dict(row)


def _feature(row: Row, who: Persona, world: World) -> Row | None:
    if who.root:
        return dict(row)
    if not {"staff", "clerk"} & set(who.roles) or who.regions is None:
        return None
    if row["owner"] not in who.regions or row["hidden"] is not False:
        return None
    found = {name: row[name] for name in FEATURES} | {"margin": bucket(row["margin"])}
    if row["demand"] is None or float(str(row["demand"])) > 50:
        found["grade"] = None
    return found


def _plain(row: Row, who: Persona, world: World) -> Row | None:
    return dict(row) if {"root", "staff"} & set(who.roles) else None


def _day(row: Row, who: Persona, world: World) -> Row | None:
    """A masked key is not followed, so nothing tells which day of a month a row is of."""
    if who.root:
        return dict(row)
    return {**row, "day": _month(row["day"])} if "staff" in who.roles else None


def _month(day: object) -> object:
    return day.replace(day=1) if isinstance(day, date) else None


_SEE: dict[str, Callable[[Row, Persona, World], Row | None]] = {
    "shop.orders": _order, "shop.visits": _ware, "shop.items": _ware, "feat.item_trips": _plain, "shop.slots": _day,
    "feat.item_features": _feature, "feat.customer_scores": _plain, "feat.day_loads": _day,
}  # fmt: skip

"""What a minimum group lets out, in plain Python, written from docs/policies.md alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

Row = dict[str, object]
K = 3
WARDS = ["a", "b", "c", "d"]


def stays(dice: random.Random, batch: int) -> list[Row]:
    """A batch of 0 to 16 stays; some without a ward or a patient."""
    return [
        {
            "id": batch * 100 + number,
            "batch": batch,
            "patient": dice.choice([None, "p1", "p2", "p3", "p4", "p5", "p6"]),
            "ward": dice.choice([None, *WARDS[:3]]) if dice.random() < 0.5 else dice.choice(WARDS[:2]),
            "age": dice.choice([None, 20, 30, 40, 50]),
            "cost": dice.choice([None, Decimal(dice.randrange(0, 5000)) / 100]),
            "score": dice.choice([None, 0.5, 1.25, 2.0]),
        }
        for number in range(dice.choice([0, 1, 2, 3, 4, 6, 8, 12, 16]))
    ]


@dataclass(frozen=True)
class Filter:
    """A condition in GraphQL and in Python (None: unknown, which is not true)."""

    text: str
    holds: Callable[[Row], bool]


def filters(dice: random.Random) -> Filter:
    age, cost = dice.choice([20, 30, 40, 50]), dice.choice([5, 20, 40])
    ward = dice.choice(WARDS)
    return dice.choice(
        [
            Filter("{}", lambda row: True),
            Filter(f"{{age: {{gte: {age}}}}}", lambda row: row["age"] is not None and row["age"] >= age),
            Filter(f"{{age: {{ne: {age}}}}}", lambda row: row["age"] is not None and row["age"] != age),
            Filter(f'{{cost: {{lt: "{cost}"}}}}', lambda row: row["cost"] is not None and row["cost"] < cost),
            Filter(f'{{ward: {{eq: "{ward}"}}}}', lambda row: row["ward"] == ward),
            Filter("{ward: {isNull: false}}", lambda row: row["ward"] is not None),
            Filter("{patient: {isNull: false}}", lambda row: row["patient"] is not None),
            Filter('{patient: {in: ["p1", "p2", "p3"]}}', lambda row: row["patient"] in ("p1", "p2", "p3")),
            Filter("{age: {gt: 1000}}", lambda row: False),
        ]
    )


def entities(rows: list[Row], key: str) -> int:
    """The entities behind rows. A row without one stands for nobody who could be counted."""
    return len({row[key] for row in rows if row[key] is not None})


def rest_is_safe(whole: list[Row], found: list[Row], key: str) -> bool:
    """Whether those outside the filter are none, or enough."""
    rest = [row for row in whole if row not in found]
    return not rest or entities(rest, key) >= K


def nested_rest_is_safe(whole: list[Row], found: list[Row], key: str) -> bool:
    """Under a parent those count who are wholly outside: never fewer are asked for than at the root."""
    return len(whole) == len(found) or entities(whole, key) - entities(found, key) >= K


def figures(rows: list[Row], key: str) -> dict[str, object]:
    """count, countDistinct ward, sum cost, avg age as the API writes them: a figure over a column stands on those
    entities that have a value there."""
    costs, ages, wards = (_told(rows, name, key) for name in ("cost", "age", "ward"))
    return {
        "count": len(rows),
        "countDistinct": {"ward": len(set(wards)) if wards else None},
        "sum": {"cost": sum(costs, Decimal(0)) if costs else None},
        "avg": {"age": sum(ages) / len(ages) if ages else None},
    }


def _told(rows: list[Row], name: str, key: str) -> list[object]:
    there = [row for row in rows if row[name] is not None]
    return [row[name] for row in there] if entities(there, key) >= K else []


NOTHING = {"count": None, "countDistinct": {"ward": None}, "sum": {"cost": None}, "avg": {"age": None}}


def aggregate(whole: list[Row], found: list[Row], key: str, nested: bool = False) -> dict[str, object]:
    safe = nested_rest_is_safe if nested else rest_is_safe
    return figures(found, key) if entities(found, key) >= K and safe(whole, found, key) else NOTHING


def groups(
    whole: list[Row], found: list[Row], key: str, by: tuple[str, ...]
) -> list[tuple[tuple[object, ...], list[Row]]]:
    """The groups that may be told of: those below K go, and the next smallest with them where they hide each other."""
    if not rest_is_safe(whole, found, key):
        return []
    made: dict[tuple[object, ...], list[Row]] = {}
    for row in found:
        made.setdefault(tuple(row[name] for name in by), []).append(row)
    kept = {values: rows for values, rows in made.items() if entities(rows, key) >= K}
    dropped = [rows for values, rows in made.items() if values not in kept]
    together = sum(entities(rows, key) for rows in dropped)
    if dropped and kept and (key != "id" or together < K):
        smallest = min(kept, key=lambda values: (entities(kept[values], key), tuple(map(nulls_last, values))))
        del kept[smallest]
    return sorted(kept.items(), key=lambda item: tuple(map(nulls_last, item[0])))


def nulls_last(value: object) -> tuple[bool, object]:
    return (value is None, "" if value is None else value)

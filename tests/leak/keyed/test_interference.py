"""Non-interference for features and models: two worlds that differ only in what a persona may not see, hidden rows of
the tables and of the store, values behind masks, give byte-equal answers and errors, and cost the same calls.

The default lane is time-boxed; `make test-all` sets CUSTOMHOUSE_LEAK_QUESTIONS (per persona) and has no box.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.leak.keyed.compare import Pair, questioner, tokens_of
from tests.leak.keyed.house import House
from tests.leak.keyed.perturb import perturbed
from tests.leak.keyed.seen import ZONES
from tests.leak.keyed.world import world

SEED = int(os.environ.get("CUSTOMHOUSE_LEAK_SEED", "20131"))
QUESTIONS = int(os.environ.get("CUSTOMHOUSE_LEAK_QUESTIONS", "0"))
LEAST, MOST, BOX = 8, 120, 6.0
"""Answered questions per persona at least, unless so many were asked for them; and seconds per engine and place of the
features, in which more are asked. In the default lane."""
WORLDS = 60
"""Questions per persona after which another pair of worlds is asked."""


@pytest.mark.parametrize("tabled", [False, True], ids=["store", "table"])
@pytest.mark.parametrize(
    ("engine", "zone"),
    [
        ("duckdb", "internal"),
        ("postgres", "internal"),
        ("duckdb", "partner"),
        pytest.param("postgres", "partner", marks=pytest.mark.slow_parts),
    ],
)
async def test_what_may_not_be_seen_changes_no_byte_and_no_call(
    zone: str, engine: str, tabled: bool, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    pairs: list[Pair] = []
    personas = ZONES[zone]
    staff = next(who for who in personas if who.name == "everywhere")
    box = BOX if zone == "internal" else BOX / 2
    for who in personas:
        ends, asked, number = time.monotonic() + box / len(personas), 0, 0
        while asked < QUESTIONS or (not QUESTIONS and not asked):
            seed, folder = SEED + number, tmp_path / f"{who.name}-{number}"
            one, other = world(seed), perturbed(world(seed), who, seed)
            async with (
                House.made(folder / "one", one, engine, tabled, zone) as house,
                House.made(folder / "other", other, engine, tabled, zone) as second,
            ):
                pair = Pair(house, second, who, questioner(who, seed, await tokens_of(house, staff)))
                pairs.append(pair)
                while _goes_on(asked, pair.answered, number, ends):
                    await pair.question()
                    asked += 1
            number += 1
    answered, codes = sum(pair.answered for pair in pairs), set[str]().union(*(pair.codes for pair in pairs))
    found = [difference for pair in pairs for difference in pair.found]
    record_property(
        "figure", f"features on {engine}, {tabled=}, {zone}: seed {SEED}, {answered} answered, {len(found)} leaks"
    )
    assert not found, "\n".join(map(str, found[:3]))
    assert answered >= LEAST * (len(personas) - 1)
    assert {"CH205", "CH604"} <= codes
    assert tabled or "CH451" in codes, "a minimum group is not looked at row by row, as a filter by a store would"


def _goes_on(asked: int, answered: int, number: int, ends: float) -> bool:
    if QUESTIONS:
        return asked < min(QUESTIONS, (number + 1) * WORLDS)
    return (answered < LEAST and asked < MOST) or time.monotonic() < ends

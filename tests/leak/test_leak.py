"""The two properties that matter most, on generated questions, with a seed and a count in the report.

Leak: the governed answer over all data equals the raw answer over data that independent Python filtered and masked.
Non-interference: two databases that differ only in what a persona may not see give byte-identical answers and errors.

The default lane is time-boxed; `make test-all` sets CUSTOMHOUSE_LEAK_QUESTIONS (per persona) and has no box.
"""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from policies import relation
from policies.decide import CellDecision
from policies.raw import RawTable
from schema.catalog import Catalog, Product
from tests.leak.compare import (
    ADMIN,
    Difference,
    everything,
    interference,
    leak_questioner,
    leaks,
    other_project,
    real_project,
    reference_project,
)
from tests.leak.engines import ENGINES, EngineKind
from tests.leak.house import House
from tests.leak.reference import PARTNERS, PERSONAS, ZONES, Persona, products

SEED = int(os.environ.get("CUSTOMHOUSE_LEAK_SEED", "20131"))
QUESTIONS = int(os.environ.get("CUSTOMHOUSE_LEAK_QUESTIONS", "0"))
LEAST = 12
"""Questions per persona at least."""
BOX = 12.0
"""Seconds per engine and property in the default lane."""


@pytest.fixture(params=ZONES)
def personas(request: pytest.FixtureRequest) -> tuple[Persona, ...]:
    """Those who ask: at the internal zone, or at the zone of partners, which hides more."""
    return ZONES[request.param]


@pytest.fixture(params=ENGINES, ids=lambda kind: kind.name)
def engine(request: pytest.FixtureRequest) -> EngineKind:
    return request.param  # type: ignore[no-any-return]


async def test_governed_answers_equal_the_reference(
    engine: EngineKind,
    personas: tuple[Persona, ...],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    found: list[Difference] = []
    asked = 0
    real_project(tmp_path / "real", SEED, engine)
    async with House.open(tmp_path / "real", personas[0].zone) as real:
        for persona, share in _shares([persona for persona in personas if products(persona)]):
            reference_project(tmp_path / persona.name, SEED, persona, engine)
            async with House.open(tmp_path / persona.name) as reference:
                asks = leak_questioner(persona, SEED)
                count = await _until(share, partial(leaks, real, reference, persona, asks, found))
                asked += count
    record_property(
        "figure",
        f"leak property on {engine.name}, {personas[0].zone}: seed {SEED}, {asked} questions, {len(found)} differences",
    )
    assert asked >= 60
    assert not found, "\n".join(map(str, found[:3]))


async def test_hidden_data_changes_no_byte(
    engine: EngineKind,
    personas: tuple[Persona, ...],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """At the zone of partners, not even its administrator sees everything."""
    found: list[Difference] = []
    asked, zone = 0, personas[0].zone
    real_project(tmp_path / "real", SEED, engine)
    async with House.open(tmp_path / "real", zone) as real:
        for persona, share in _shares([p for p in personas if p is not ADMIN]):
            other_project(tmp_path / persona.name, SEED, persona, engine)
            async with House.open(tmp_path / persona.name, zone) as other:
                asks = everything(persona, SEED)
                count = await _until(share, partial(interference, real, other, persona, asks, found))
                asked += count
    record_property(
        "figure", f"non-interference on {engine.name}, {zone}: seed {SEED}, {asked} questions, {len(found)} differences"
    )
    assert asked >= 60
    assert not found, "\n".join(map(str, found[:3]))


async def test_a_dropped_mask_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The property can fail: with the masks taken out of the gate, the same questions find the leak."""

    def unmasked(raw: RawTable, name: str, decision: CellDecision) -> object:
        return raw.column(name)

    monkeypatch.setattr(relation, "cell", unmasked)
    found = await _small_run(tmp_path)
    assert found


async def test_a_dropped_row_filter_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The property can fail: with the row filters taken out of the gate, the same questions find the leak."""
    built = relation.governed_relation

    def unfiltered(*args: object) -> relation.GovernedRelation:
        made = built(*args)  # type: ignore[arg-type]
        made.select.set("where", None)
        return made

    monkeypatch.setattr("policies.govern.governed_relation", unfiltered)
    found = await _small_run(tmp_path)
    assert found


def withheld_columns_granted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Catalog, "shown_columns", lambda self, zone, product: frozenset(product.columns))


def unpublished_products_published(patch: pytest.MonkeyPatch) -> None:
    def all_of_them(self: Catalog, zone: str) -> tuple[Product, ...]:
        return tuple(product for product in self.products.values() if not product.entitlement)

    patch.setattr(Catalog, "published", all_of_them)


@pytest.mark.parametrize("fault", [withheld_columns_granted, unpublished_products_published], ids=lambda f: f.__name__)
async def test_a_zone_that_shows_too_much_is_noticed(
    fault: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The property can fail for partners: what the zone does not show is found where it is shown."""
    fault(monkeypatch)
    persona, engine = next(p for p in PARTNERS if p.name == "analyst-fraud"), ENGINES[0]
    real_project(tmp_path / "real", SEED, engine)
    other_project(tmp_path / "other", SEED, persona, engine)
    found: list[Difference] = []
    asks = everything(persona, SEED)
    async with House.open(tmp_path / "real", "partner") as real, House.open(tmp_path / "other", "partner") as other:
        for _ in range(150):
            try:
                await interference(real, other, persona, asks, found)
            except AssertionError:  # a canary of the other world
                return
            if found:
                return
    pytest.fail("nothing was noticed")


async def _small_run(tmp_path: Path) -> list[Difference]:
    found: list[Difference] = []
    persona = next(p for p in PERSONAS if p.name == "analyst-eu")
    engine = ENGINES[0]
    real_project(tmp_path / "real", SEED, engine)
    reference_project(tmp_path / "reference", SEED, persona, engine)
    async with House.open(tmp_path / "real") as real, House.open(tmp_path / "reference") as reference:
        asks = leak_questioner(persona, SEED)
        for _ in range(20):
            await leaks(real, reference, persona, asks, found)
    return found


def _shares(personas: list[Persona]) -> list[tuple[Persona, float]]:
    box = BOX if personas[0].zone == "internal" else BOX / 3
    return [(persona, box / len(personas)) for persona in personas]


async def _until(seconds: float, ask: Callable[[], Awaitable[None]]) -> int:
    """Ask until the time is up, but at least 20 times; exactly QUESTIONS times where that is set."""
    ends, count = time.monotonic() + seconds, 0
    while count < QUESTIONS or (not QUESTIONS and (count < LEAST or time.monotonic() < ends)):
        await ask()
        count += 1
    return count

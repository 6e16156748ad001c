"""The two properties of tests/leak, over generated SQL: what joins, groups, nests, and divides by what it may not see.

Leak: the governed answer over all data equals the raw answer over data that independent Python filtered and masked.
Non-interference: two databases that differ only in what a persona may not see give the same answers and refusals, also
where an expression may raise. Row filters are spelt at length here, so that an engine has a reason to evaluate a
caller's expression first: with the guards taken out, the same questions find it.

PostgreSQL has its stores in DuckDB, so statements over both are joined across sources. The default lane is time-boxed;
`make test-all` sets CUSTOMHOUSE_LEAK_QUESTIONS (per persona) and has no box.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from sqlglot import exp

from policies import relation
from policies.decide import CellDecision
from policies.raw import RawTable
from policies.sql import govern, guards
from tests.leak.compare import ADMIN, Difference, other_project, real_project, reference_project
from tests.leak.engines import ENGINES, EngineKind
from tests.leak.house import House
from tests.leak.reference import PERSONAS, ZONES, Persona, products
from tests.leak.sql.compare import everything, interference, leaks, within
from tests.leak.test_leak import BOX, QUESTIONS, SEED

LEAST, MORE = 15, 60
"""Statements per persona at least; more where much of what is asked is refused by name."""
LONG, LARGE = 8, 30_000
Ask = Callable[[], Awaitable[bool]]


@pytest.fixture(params=ENGINES[:2], ids=lambda kind: kind.name)
def engine(request: pytest.FixtureRequest) -> EngineKind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=ZONES)
def personas(request: pytest.FixtureRequest) -> tuple[Persona, ...]:
    """Those who ask: at the internal zone, or at the zone of partners, which hides more."""
    return ZONES[request.param]


async def test_governed_answers_equal_the_reference(
    engine: EngineKind,
    personas: tuple[Persona, ...],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    zone = personas[0].zone
    found: list[Difference] = []
    counts = [0, 0]
    real_project(tmp_path / "real", SEED, engine)
    at_length(tmp_path / "real")
    asking = [persona for persona in personas if products(persona)]
    async with House.open(tmp_path / "real", zone) as real:
        for persona in asking:
            reference_project(tmp_path / persona.name, SEED, persona, engine)
            async with House.open(tmp_path / persona.name) as reference:
                asks = within(persona, SEED)
                await _until(_box(zone) / len(asking), partial(leaks, real, reference, persona, asks, found), counts)
    record_property("figure", _figure(f"leak property over SQL, {zone}", engine, counts, found))
    assert counts[1] > counts[0] * 0.9
    assert not found, "\n".join(map(str, found[:3]))


async def test_hidden_data_changes_nothing(
    engine: EngineKind,
    personas: tuple[Persona, ...],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    zone = personas[0].zone
    found: list[Difference] = []
    counts = [0, 0]
    asking = [persona for persona in personas if persona is not ADMIN]
    real_project(tmp_path / "real", SEED, engine)
    at_length(tmp_path / "real")
    async with House.open(tmp_path / "real", zone) as real:
        for persona in asking:
            other_project(tmp_path / persona.name, SEED, persona, engine)
            at_length(tmp_path / persona.name)
            async with House.open(tmp_path / persona.name, zone) as other:
                asks = everything(persona, SEED)
                ask = partial(interference, real, other, persona, asks, found)
                await _until(_box(zone) / len(asking), ask, counts, LEAST if zone == "internal" else MORE)
    record_property("figure", _figure(f"non-interference over SQL, {zone}", engine, counts, found))
    assert counts[1] >= 60
    assert not found, "\n".join(map(str, found[:3]))


def _box(zone: str) -> float:
    return BOX if zone == "internal" else BOX / 3


def unmasked(patch: pytest.MonkeyPatch) -> None:
    def raw(table: RawTable, name: str, decision: CellDecision) -> exp.Expression:
        return table.column(name)

    patch.setattr(relation, "cell", raw)


def unfiltered(patch: pytest.MonkeyPatch) -> None:
    built = relation.governed_relation

    def made(*args: object) -> relation.GovernedRelation:
        found = built(*args)  # type: ignore[arg-type]
        found.select.set("where", exp.Where(this=exp.true()))
        return found

    patch.setattr(govern, "governed_relation", made)


def unguarded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(govern, "may_raise", lambda scopes: False)


def everything_called_total(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(guards, "is_total", lambda node: True)


def not_handed_on(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(guards, "_hand_on", lambda *scope: None)


def join_keys_over_masked_keys(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(relation, "_traversable", lambda *ends: True)


FAULTS = {
    unmasked: ("duckdb", "analyst-eu"),
    unfiltered: ("duckdb", "analyst-eu"),
    unguarded: ("postgres", "clerk"),
    everything_called_total: ("postgres", "clerk"),
    not_handed_on: ("postgres", "clerk"),
    join_keys_over_masked_keys: ("duckdb", "analyst-eu"),
}
"""Each with an engine, and who is asked first: whoever notices it soonest."""


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_check_that_is_gone_is_noticed(
    fault: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The properties can fail: with one check of the gate taken out, the same questions find it."""
    fault(monkeypatch)
    engine, first = FAULTS[fault]
    kind = next(kind for kind in ENGINES if kind.name == engine)
    found: list[Difference] = []
    real_project(tmp_path / "real", SEED, kind)
    at_length(tmp_path / "real")
    async with House.open(tmp_path / "real") as real:
        for persona in sorted(PERSONAS[1:6], key=lambda one: one.name != first):
            other_project(tmp_path / f"other-{persona.name}", SEED, persona, kind)
            at_length(tmp_path / f"other-{persona.name}")
            reference_project(tmp_path / f"reference-{persona.name}", SEED, persona, kind)
            async with (
                House.open(tmp_path / f"other-{persona.name}") as other,
                House.open(tmp_path / f"reference-{persona.name}") as reference,
            ):
                telling, plain = everything(persona, SEED), within(persona, SEED)
                for _ in range(150):
                    await interference(real, other, persona, telling, found)
                    await leaks(real, reference, persona, plain, found)
                    if found:
                        return
    pytest.fail("nothing was noticed")


def at_length(folder: Path) -> None:
    """The same row filters, spelt so that they cost more than what a caller divides; and tables that are said to be
    large, so that joins across sources ask them for the keys of the other side."""
    path = next((folder / "policies").glob("*.yaml"))
    text = path.read_text()
    for short in ("region IN claims.regions OR region = 'XX'", "status <> 'void'"):
        assert f'rows: "{short}"' in text
        text = text.replace(f'rows: "{short}"', f'rows: "{" OR ".join([short] * LONG)}"')
    path.write_text(text)
    catalog = folder / "catalog" / "crm.yaml"
    said = catalog.read_text()
    for table in ("stores", "orders"):
        said = said.replace(f"    table: {table}\n", f"    table: {table}\n    rows: {LARGE}\n")
    catalog.write_text(said)


def _figure(what: str, engine: EngineKind, counts: list[int], found: list[Difference]) -> str:
    asked, answered = counts
    return f"{what} on {engine.name}: seed {SEED}, {asked} statements, {answered} answered, {len(found)} differences"


async def _until(seconds: float, ask: Ask, counts: list[int], least: int = LEAST) -> None:
    """Ask until the time is up, but at least so many times; exactly QUESTIONS times where that is set."""
    ends, count = time.monotonic() + seconds, 0
    while count < QUESTIONS or (not QUESTIONS and (count < least or time.monotonic() < ends)):
        counts[1] += await ask()
        counts[0] += 1
        count += 1

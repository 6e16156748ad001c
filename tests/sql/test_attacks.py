"""Statements that try to get at what a policy takes away (attacks.yaml), on DuckDB and PostgreSQL, in two worlds.

Each is refused, empty, answered or harmless as its row says; no answer or error holds a canary, and both worlds, which
differ only in what the analyst may not see, give the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sql.corpus import CANARIES, Attack, attacks
from tests.sql.house import BEFORE_ANY_ENGINE, ENGINES, Answered, House


@pytest.mark.parametrize(
    ("kind", "zone"),
    [
        *((kind, "internal") for kind in ENGINES),
        ("duckdb", "partner"),
        pytest.param("postgres", "partner", marks=pytest.mark.slow_parts),
    ],
)
async def test_attacks(kind: str, zone: str, tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    faults: list[str] = []
    outcomes: Counter[str] = Counter()
    async with (
        House.open(tmp_path / "one", kind, other=False, zone=zone) as one,
        House.open(tmp_path / "other", kind, other=True, zone=zone) as other,
    ):
        for attack in attacks():
            here = await one.ask(attack.sql, attack.persona, attack.dialect)
            there = await other.ask(attack.sql, attack.persona, attack.dialect)
            outcomes[here.code[:3] or "answered"] += 1
            fault = wrong(attack, here, there)
            if fault is not None:
                faults.append(
                    f"{attack.kind} / {attack.name}: {fault}\n    {attack.sql[:300]}\n    {here.body[:300]!r}"
                )
    told = ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items()))
    record_property(
        "figure", f"attacks on {kind}, {zone}: {sum(outcomes.values())} statements: {told}; {len(faults)} faults"
    )
    assert not faults, f"{len(faults)} faults\n" + "\n".join(faults[:40])


def _alike(here: Answered, there: Answered) -> bool:
    """The same rows in another order, which nobody asked for: an engine's joins give them as they find them."""
    if here.rows is None or there.rows is None:
        return False
    return sorted(map(repr, here.rows)) == sorted(map(repr, there.rows))


def wrong(attack: Attack, here: Answered, there: Answered) -> str | None:
    """What is wrong with the answers of the two worlds, if anything."""
    if attack.persona != "platform":
        if any(canary.encode() in body for canary in CANARIES for body in (here.body, there.body)):
            return "a canary"
        if here.body != there.body and not _alike(here, there):
            return f"the worlds differ: {there.body[:200]!r}"
    if here.code.startswith("fault"):
        return here.code
    refused = here.code[:3] in BEFORE_ANY_ENGINE and here.code != "CH168"
    if attack.expect == "refused" and not refused:
        return f"not refused: {here.code or 'answered'}"
    if attack.expect == "refused" and attack.code and here.code[:3] != attack.code:
        return f"refused as {here.code}, not {attack.code}"
    if attack.expect == "answered" and here.rows is None:
        return f"not answered: {here.code}"
    if attack.expect == "empty" and here.rows != ():
        return f"not empty: {here.code or here.rows}"
    return None

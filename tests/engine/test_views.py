"""Views and derived columns, as cases over DuckDB, PostgreSQL and SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.engine.house import EVERY, House, caller, place

CASES = yaml.safe_load((Path(__file__).parent / "views.yaml").read_text())
CALLERS = {
    "staff": caller("staff", roles=("staff",), regions=("EU",)),
    "both": caller("both", roles=("staff",), regions=("EU", "US")),
    "root": caller("root", roles=("staff", "root")),
    "press": caller("press", roles=("press",), regions=("EU",)),
    "nowhere": caller("nowhere", roles=("staff",)),
}


def statements() -> Iterator[str]:
    yield "CREATE TABLE buyers (id BIGINT, name TEXT, region TEXT, budget INTEGER)"
    yield (
        "INSERT INTO buyers VALUES (1, 'Anna', 'EU', 150), (2, 'Bert', 'EU', 300), (3, 'Carl', 'US', 50),"
        " (4, NULL, 'US', NULL), (5, 'Dora', NULL, 100)"
    )
    yield "CREATE TABLE orders (id BIGINT, buyer_id BIGINT, state TEXT, amount INTEGER)"
    yield (
        "INSERT INTO orders VALUES (1, 1, 'paid', 10), (2, 1, 'void', 20), (3, 2, 'paid', 30), (4, 2, 'paid', 5),"
        " (5, 3, 'paid', 50), (6, 4, 'void', 60), (7, 5, 'paid', 70), (8, 99, 'paid', 80)"
    )


@pytest.mark.parametrize("engine", EVERY)
async def test_views(engine: str, tmp_path: Path) -> None:
    """One opened project for all cases of an engine; every case that differs is named."""
    wrong = []
    async with House.open(place("views", tmp_path / "p", engine, statements())) as house:
        for case in CASES:
            said = await house.ask(case["query"], CALLERS[case.get("as", "staff")])
            wanted = {"refused": case["refused"]} if "refused" in case else {"data": case["want"]}
            if said != wanted:
                wrong.append((case["name"], said))
    assert not wrong

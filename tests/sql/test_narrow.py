"""A large table that is joined with a small one of another source is asked for the small one's keys, and whole where
these are many: the answer is the same."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from resolvers.backends.backend import Deadline
from resolvers.backends.dialect import Statement
from resolvers.backends.duckdb import DuckDB
from resolvers.backends.stream import ArrowStream
from resolvers.statements import run
from tests.leak.compare import ADMIN, real_project
from tests.leak.engines import ENGINES
from tests.leak.house import House
from tests.leak.sql.compare import ask
from tests.leak.sql.test_leak_sql import at_length

JOIN = (
    "SELECT s.code, count(*) FROM geo.stores s JOIN crm.orders o ON o.store_code = s.code "
    "WHERE s.code IN ('S01', 'S02') GROUP BY s.code"
)


@pytest.mark.parametrize("most", [5_000, 1])
async def test_only_the_keys_that_are_there(most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[object] = []
    stream = DuckDB.stream

    async def recorded(self: DuckDB, statement: Statement, values: Sequence[object], deadline: Deadline) -> ArrowStream:
        if self.name == "main":
            bound.append([value for value in values if isinstance(value, list)])
        return await stream(self, statement, values, deadline)

    monkeypatch.setattr(DuckDB, "stream", recorded)
    real_project(tmp_path / "house", 20131, ENGINES[0])
    async with House.open(tmp_path / "house") as house:
        plain = await ask(house, JOIN, ADMIN)
    at_length(tmp_path / "house")
    catalog = tmp_path / "house" / "catalog" / "crm.yaml"
    catalog.write_text(catalog.read_text().replace("table: stores\n    rows: 30000", "table: stores"))
    monkeypatch.setattr(run, "MOST", most)
    bound.clear()
    async with House.open(tmp_path / "house") as house:
        assert await ask(house, JOIN, ADMIN) == plain
    assert [sorted(lists[0]) for lists in bound if lists] == ([["S01", "S02"]] if most > 1 else [])  # type: ignore[index]

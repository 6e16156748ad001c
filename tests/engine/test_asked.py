"""For whom a statement runs is told to the source, beside it and hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resolvers.backends.asked import ASKED, Asked, hidden
from resolvers.operation import Operation
from tests.engine.house import House, caller, place
from tests.engine.test_partitions import TABLES
from tests.leak.house import KEYS


async def test_a_source_is_told_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with House.open(place("partitions", tmp_path / "p", "duckdb", TABLES)) as house:
        told: list[Asked] = []
        backend = house.backends["main"]
        fetch = backend.fetch

        async def listening(*given: Any) -> Any:
            told.append(ASKED.get())
            return await fetch(*given)

        monkeypatch.setattr(backend, "fetch", listening)
        text = "{ airports { nodes { code } } weather { nodes { day } } }"
        for subject in ("ann", "bob"):
            who = caller(subject, roles=("staff",))
            await house.engine.answer(Operation("graphql", text, request_id=f"request of {subject}"), who)
        assert told == [
            Asked(f"request of {name}", hidden(name, KEYS["seal"])) for name in ("ann", "ann", "bob", "bob")
        ]

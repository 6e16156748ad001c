"""What an engine refuses before it looks at a row is told in our words, on each engine; what it says of rows is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sql.house import ENGINES, House

MISFITS = [
    "SELECT name, count(*) FROM crm.customers",
    "SELECT sqrt(birth) FROM crm.customers",
    "SELECT sum(name) FROM crm.customers",
]
ROWS = "SELECT CAST(name AS INT) FROM crm.customers"


@pytest.mark.parametrize("kind", ENGINES)
async def test_misfits(kind: str, tmp_path: Path) -> None:
    async with House.open(tmp_path / "one", kind, other=False) as house:
        for statement in MISFITS:
            answer = await house.ask(statement)
            assert answer.code == "CH168", (statement, answer.body)
            assert b"LINE" not in answer.body and b"t_customers" not in answer.body
        assert (await house.ask(ROWS)).code == "CH502"

"""What a request makes is freed when it is answered: nothing of it waits for the garbage collector, whose turns would
hold up all other requests for many milliseconds."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

from resolvers.operation import Operation
from resolvers.results.results import Results
from tests.engine.house import House, place
from tests.engine.test_sharing import sharing
from tests.engine.test_views import CALLERS, statements
from tests.leak.house import KEYS

TEXTS = (
    "{ purchases { nodes { id region amount } } }",
    "{ purchases(first: 1) { nodes { id } pageInfo { hasNextPage endCursor } } }",
    "{ purchasesAggregate { count } }",
)
REQUESTS = 50


async def test_requests_leave_no_cycles(tmp_path: Path) -> None:
    folder = place("views", tmp_path / "p", "duckdb", statements())
    async with House.open(folder) as house:
        shared = sharing(folder, house, Results("internal", KEYS))
        asked = [Operation("graphql", text) for text in TEXTS]
        for operation in asked:
            await shared.engine.answer(operation, CALLERS["staff"])
        gc.collect()
        gc.disable()
        try:
            for _ in range(REQUESTS):
                for operation in asked:
                    await asyncio.gather(*(shared.engine.answer(operation, CALLERS["staff"]) for _ in range(3)))
            left = gc.collect()
        finally:
            gc.enable()
        await shared.engine.close()
    assert left < REQUESTS, f"{left / REQUESTS / len(TEXTS) / 3:.1f} objects a request"

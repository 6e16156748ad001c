"""One back end per module: the suite asks it hundreds of times."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from resolvers.backends.backend import Backend
from tests.backends.engines import Engine


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(engine: Engine) -> AsyncIterator[Backend]:
    opened = engine.opened()
    await opened.check()
    yield opened
    await opened.close()

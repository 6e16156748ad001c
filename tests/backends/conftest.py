"""One back end per module: the suite asks it hundreds of times. And BigQuery's, in front of a stand-in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from resolvers.backends.backend import Backend
from resolvers.backends.bigquery import BigQuery
from resolvers.backends.registry import open_backend
from tests.backends.bigquery_stand_in import INTEGER, House, serving
from tests.backends.engines import Engine, source


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(engine: Engine) -> AsyncIterator[Backend]:
    opened = engine.opened()
    await opened.check()
    yield opened
    await opened.close()


@pytest.fixture
def house() -> House:
    return House(fields=[INTEGER], pages=[[["1"]]])


@pytest.fixture
def bigquery_url(house: House) -> Iterator[str]:
    with serving(house) as address:
        yield f"bigquery://acme/ops?location=EU&endpoint={address}"


@pytest_asyncio.fixture
async def bigquery(bigquery_url: str) -> AsyncIterator[BigQuery]:
    opened = open_backend(source("bigquery", maximum_bytes_billed="20MiB", workers=2), bigquery_url, Path())
    assert isinstance(opened, BigQuery)
    yield opened
    await opened.close()

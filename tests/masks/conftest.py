"""The engines, started once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.masks.engines import DuckDB, Engine, Postgres, SQLite
from tests.postgres import Server, postgres

__all__ = ["engines", "postgres"]


@pytest.fixture(scope="session")
def engines(postgres: Server) -> Iterator[dict[str, Engine]]:
    server = Postgres(postgres.database())
    yield {"duckdb": DuckDB(), "sqlite": SQLite(), "postgres": server}
    server.close()

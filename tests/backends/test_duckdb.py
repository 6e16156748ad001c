"""DuckDB in the suite, and what only it promises: the lockdown."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from resolvers.backends.backend import Backend
from resolvers.backends.dialect import Statement
from schema.errors import Refusal
from tests.backends.conformance import Conformance, fetch
from tests.backends.engines import Engine, duckdb_engine, source


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return duckdb_engine(tmp_path_factory.mktemp("duckdb"))


class TestDuckDB(Conformance):
    @pytest.mark.parametrize(
        "forbidden",
        [
            "SELECT * FROM read_text('/etc/hostname')",
            "SELECT * FROM '/etc/hostname'",
            "SELECT * FROM glob('/*')",
            "COPY facts TO '/dev/null'",
            "ATTACH ':memory:' AS other; CREATE TABLE other.x (a INTEGER); COPY other.x FROM '/etc/hostname'",
            "SELECT 1; SELECT 2",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access = true",
            "SET TimeZone = 'Asia/Tokyo'",
            "SET disabled_optimizers = ''",
            "RESET GLOBAL disabled_optimizers",
            "INSERT INTO facts (id) VALUES (99)",
            "DROP TABLE facts",
            "SELECT * FROM hidden_local_variable",
        ],
    )
    async def test_lockdown(self, backend: Backend, forbidden: str) -> None:
        """The second layer: even SQL that no planner writes reaches no file, no network and no setting."""
        hidden_local_variable = duckdb.sql("SELECT 1 AS a").fetchall()
        with pytest.raises(Refusal) as refused:
            await fetch(backend, Statement(forbidden, ()))
        assert refused.value.code == "CH502"
        assert hidden_local_variable == [(1,)]

    async def test_a_file_that_comes_later(self, tmp_path: Path) -> None:
        from resolvers.backends.registry import open_backend

        backend = open_backend(source("duckdb"), "late.duckdb", tmp_path)
        try:
            with pytest.raises(Refusal) as refused:
                await backend.check()
            assert (refused.value.code, refused.value.status) == ("CH501", 503)
            duckdb_engine(tmp_path)
            (tmp_path / "facts.duckdb").rename(tmp_path / "late.duckdb")
            await backend.check()
            assert len(await fetch(backend, Statement("SELECT id FROM facts", ()))) == 5
        finally:
            await backend.close()

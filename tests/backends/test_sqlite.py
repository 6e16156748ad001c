"""SQLite through the generic back end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from sqlglot import exp

from resolvers.backends.backend import Backend
from resolvers.backends.dialect import Statement
from resolvers.backends.registry import open_backend
from schema.errors import Refusal
from schema.types import STRING
from tests.backends.conformance import Conformance, fetch
from tests.backends.engines import FACTS, Engine, source, sqlite_engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return sqlite_engine(tmp_path_factory.mktemp("sqlite"))


class TestSQLite(Conformance):
    described: Mapping[str, str] = {**FACTS, "moment": "datetime"}
    comments = False

    async def test_a_loose_collation_is_not_inherited(self, backend: Backend) -> None:
        """The table calls 'b' and 'B' one; a stored column of the planner does not, in sorts and comparisons alike."""
        stored = exp.alias_(backend.dialect.column(exp.column("w", table="s"), STRING), "w")
        relation = exp.select(stored).from_(exp.table_("loose", alias="s")).subquery("t")
        select = exp.select("w").from_(relation)
        for written, want in (
            (select.order_by("w"), ["B", "a", "b"]),
            (select.where("w = 'b'"), ["b"]),
            (select.where("w > 'Z'").order_by("w"), ["a", "b"]),
            (select.distinct().order_by("w DESC"), ["b", "a", "B"]),
        ):
            rows = await fetch(backend, backend.dialect.render(written, {}))
            assert [row[0] for row in rows] == want

    @pytest.mark.parametrize("forbidden", ["INSERT INTO facts (id) VALUES (99)", "ATTACH ':memory:' AS other"])
    async def test_read_only(self, backend: Backend, forbidden: str) -> None:
        with pytest.raises(Refusal) as refused:
            await fetch(backend, Statement(forbidden, ()))
        assert refused.value.code == "CH502"

    async def test_a_file_that_comes_later(self, tmp_path: Path) -> None:
        backend = open_backend(source("sqlalchemy"), "sqlite:///late.sqlite", tmp_path)
        try:
            with pytest.raises(Refusal) as refused:
                await backend.check()
            assert (refused.value.code, refused.value.status) == ("CH501", 503)
            sqlite_engine(tmp_path)
            (tmp_path / "facts.sqlite").rename(tmp_path / "late.sqlite")
            await backend.check()
            assert len(await fetch(backend, Statement("SELECT id FROM facts", ()))) == 5
        finally:
            await backend.close()

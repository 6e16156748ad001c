"""From a source to its back end: what has a meaning, and the sentence for what has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolvers.backends.registry import open_backend
from tests.backends.engines import source


@pytest.mark.parametrize(
    ("kind", "url", "dialect"),
    [
        ("duckdb", "data/a.duckdb", "duckdb"),
        ("duckdb", "duckdb:///data/a.duckdb", "duckdb"),
        ("postgres", "postgresql://h/db", "postgres"),
        ("postgres", "postgres://u:p@h:5433/db?sslmode=require", "postgres"),
        ("postgres", "postgresql+asyncpg://h/db", "postgres"),
        ("sqlalchemy", "sqlite:///a.sqlite?mode=ro", "sqlite"),
        ("sqlalchemy", "mysql+pymysql://u:p@h/db", "mysql"),
        ("sqlalchemy", "mariadb+pymysql://u:p@h/db", "mysql"),
    ],
)
async def test_opening_connects_to_nothing(kind: str, url: str, dialect: str, tmp_path: Path) -> None:
    backend = open_backend(source(kind), url, tmp_path)
    assert (backend.name, backend.dialect.name) == ("warehouse", dialect)
    await backend.close()


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("duckdb", ":memory:"),
        ("postgres", "mysql://h/db"),
        ("postgres", "not a url"),
        ("sqlalchemy", "not a url"),
        ("sqlalchemy", "nosuch://u:secret-word@h/db"),
        ("sqlalchemy", "oracle://u:secret-word@h/db"),
        ("bigtable", "x"),
    ],
)
def test_what_has_no_meaning_is_said(kind: str, url: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refused:
        open_backend(source(kind), url, tmp_path)
    assert "secret-word" not in str(refused.value)

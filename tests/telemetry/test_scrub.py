"""What of a source's statement may stand in the log: no literal of any spelling, no name that is not the project's."""

from __future__ import annotations

import pytest

from app.telemetry.scrub import scrubbed_sql

WORDS = frozenset({"flights", "carrier"})
CASES = [
    ("postgres", """SELECT "t0"."carrier" AS "c0" FROM "flights" AS "t0" WHERE "t0"."carrier" = $1""", None),
    ("postgres", "SELECT 'it''s', 1.5e3, $$CANARY$$, E'\\\\n' /* CANARY */ -- CANARY", "SELECT ?, ?, ?, ?"),
    ("postgres", """SELECT 1 AS "CANARY", "CANARY"."carrier" FROM CANARY""", 'SELECT ? AS x, x."carrier" FROM x'),
    ("postgres", """ORDER BY "~key.0" ASC NULLS FIRST LIMIT 7""", """ORDER BY "~key.0" ASC NULLS FIRST LIMIT ?"""),
    ("duckdb", "SELECT DATE '2020-01-01', 1_000, ?, CAST($1 AS TEXT)", "SELECT DATE ?, ?, ?, CAST($1 AS TEXT)"),
    ("bigquery", "SELECT `t0`.`carrier`, r'CANARY', @p0", "SELECT `t0`.`carrier`, ?, @p0"),
    ("mysql", "SELECT `carrier`, \"CANARY\", 'a\\'CANARY', /*list:3*/", "SELECT `carrier`, ?, ?, ?"),
    ("sqlite", "SELECT X'00' FROM \"flights\" WHERE 1 = /*bind:0*/", 'SELECT ? FROM "flights" WHERE ? = ?'),
    ("postgres", "SELECT 'CANARY", "(cannot be written)"),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "text", "said"), CASES)
def test_scrubbed(dialect: str, text: str, said: str | None) -> None:
    assert scrubbed_sql(text, dialect, WORDS) == (said or text)

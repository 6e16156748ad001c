"""For how long a result may be used again: as long as the strictest product it reads says, and not at all if one does
not say so."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlglot

from resolvers.results.freshness import freshness, statement_freshness
from schema.catalog import Catalog
from schema.load import load_catalog

PROJECT = {
    "customhouse.yaml": """
version: 1
sources:
  db: {kind: duckdb, url: d.duckdb}
  far: {kind: duckdb, url: f.duckdb}
claims: {}
issuers: {dev: {issuer: x, audiences: [a], development: true}}
zones: {z: {issuers: [dev]}}
""",
    "catalog/a.yaml": """
domains: {s: {}}
products:
  s.hour: {source: db, table: hour, key: [id], columns: {id: bigint}, freshness: 1h, cache: true,
           relationships: {minute: {to: s.minute, on: {id: id}}, unkept: {to: s.unkept, on: {id: id}}}}
  s.minute: {source: db, table: [main, minute], key: [id], columns: {id: bigint}, freshness: 1m, cache: true}
  s.unkept: {source: db, table: unkept, key: [id], columns: {id: bigint}, freshness: 1h}
  s.unsaid: {source: db, table: unsaid, key: [id], columns: {id: bigint}, cache: false}
  s.never: {source: db, table: never, key: [id], columns: {id: bigint}, freshness: 0s, cache: true}
  s.twin: {source: db, table: hour, key: [id], columns: {id: bigint}}
  s.far: {source: far, table: far, key: [id], columns: {id: bigint}, freshness: 10s, cache: true}
  s.good_view: {view: "SELECT h.id FROM s.hour AS h JOIN s.minute AS m ON h.id = m.id", key: [id],
                columns: {id: bigint}, freshness: 2h, cache: true}
  s.plain_view: {view: "SELECT id FROM s.hour", key: [id], columns: {id: bigint}}
  s.bad_view: {view: "SELECT id FROM s.unkept", key: [id], columns: {id: bigint}, freshness: 2h, cache: true}
  s.deep_view: {view: "SELECT id FROM s.bad_view", key: [id], columns: {id: bigint}, freshness: 2h, cache: true}
""",
}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    root = tmp_path_factory.mktemp("freshness")
    for name, text in PROJECT.items():
        file = Path(root / name)
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.lstrip(), encoding="utf-8")
    return load_catalog(root)


@pytest.mark.parametrize(
    ("products", "want"),
    [
        ("", None),
        ("s.hour", 3600),
        ("s.minute", 60),
        ("s.hour s.minute", 60),
        ("s.hour s.minute s.far", 10),
        ("s.unkept", None),
        ("s.hour s.unkept", None),
        ("s.hour s.unsaid", None),
        ("s.never", None),
        ("s.nowhere", None),
        ("s.good_view", 60),
        ("s.plain_view", None),
        ("s.bad_view", None),
        ("s.deep_view", None),
        ("s.deep_view s.hour", None),
    ],
)
def test_the_least_counts_and_each_must_say_so(products: str, want: float | None, catalog: Catalog) -> None:
    assert freshness(products.split(), catalog) == want


@pytest.mark.parametrize(
    ("named", "sql", "want"),
    [
        ("s.hour", "SELECT id FROM hour", 3600),
        ("s.minute", "SELECT id FROM main.minute", 60),
        ("s.hour", "SELECT id FROM hour WHERE EXISTS (SELECT 1 FROM main.minute AS m WHERE m.id = 1)", 60),
        ("s.hour", "SELECT id FROM hour WHERE EXISTS (SELECT 1 FROM unkept AS m WHERE m.id = 1)", None),
        ("s.hour", "SELECT id FROM hour WHERE EXISTS (SELECT 1 FROM somewhere.unkept AS m)", None),
        ("s.minute", "SELECT id FROM main.minute WHERE EXISTS (SELECT 1 FROM hour)", None),
        ("s.hour s.twin", "SELECT id FROM hour", None),
        ("s.hour s.unkept", "SELECT id FROM hour", None),
        ("s.hour", "WITH c AS (SELECT id FROM hour) SELECT id FROM c", 3600),
        ("s.hour", "WITH c AS (SELECT id FROM main.minute) SELECT id FROM c", 60),
        ("s.hour", "SELECT id FROM c", None),
        ("s.hour", "WITH c AS (SELECT id FROM hour) SELECT id FROM main.c", None),
        ("s.good_view", "SELECT id FROM (SELECT h.id FROM hour AS h JOIN main.minute AS m ON h.id = m.id)", 60),
        ("s.plain_view", "SELECT id FROM hour", None),
        ("s.far", "SELECT id FROM far", None),
    ],
)
def test_what_the_statement_reads_counts_too(named: str, sql: str, want: float | None, catalog: Catalog) -> None:
    """The last row: a table of another source under the same name is no product of this one."""
    assert statement_freshness(named.split(), sqlglot.parse_one(sql), "db", catalog) == want


def test_the_source_decides_which_tables(catalog: Catalog) -> None:
    assert statement_freshness(["s.far"], sqlglot.parse_one("SELECT id FROM far"), "far", catalog) == 10

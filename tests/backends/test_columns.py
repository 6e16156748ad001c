"""Every stored column of a governed statement is said to the dialect, and nothing else is."""

from __future__ import annotations

import pytest
from sqlglot import parse_one

from resolvers.backends.columns import typed_columns
from resolvers.backends.postgres_dialect import PostgresDialect
from schema.catalog import Catalog, Column, Product
from schema.errors import Place
from schema.types import INTEGER, STRING, Type

_PLACE = Place("catalog.yaml")


def _column(name: str, type_: Type, physical: str) -> Column:
    return Column(name, type_, _PLACE, name, physical)


def _catalog() -> Catalog:
    columns = {"code": _column("code", STRING, "Code"), "n": _column("n", INTEGER, "n")}
    product = Product(
        "ops.t", "ops", "t", "warehouse", ("n",), columns, {}, _PLACE, "T", "t", "ts", physical=("main", "t")
    )
    return Catalog("1", {}, {}, {"ops.t": product}, {}, {}, {})


@pytest.mark.parametrize(
    ("written", "want"),
    [
        (
            'SELECT "t0"."code" FROM (SELECT "s"."Code" AS "code", "s"."n" AS "n" FROM "main"."t" AS "s") AS "t0"',
            'SELECT "t0"."code" FROM (SELECT (CAST("s"."Code" AS TEXT) COLLATE "C") AS "code", "s"."n" AS "n" '
            'FROM "main"."t" AS "s") AS "t0"',
        ),
        (
            'SELECT 1 FROM "main"."t" AS "s" WHERE EXISTS(SELECT 1 FROM "main"."u" AS "r" '
            'WHERE "r"."Code" = "s"."Code")',
            'SELECT 1 FROM "main"."t" AS "s" WHERE EXISTS(SELECT 1 FROM "main"."u" AS "r" '
            'WHERE "r"."Code" = (CAST("s"."Code" AS TEXT) COLLATE "C"))',
        ),
        (
            'SELECT "s"."Code" FROM (SELECT \'x\' AS "Code") AS "s"',
            'SELECT "s"."Code" FROM (SELECT \'x\' AS "Code") AS "s"',
        ),
    ],
)
def test_typed_columns(written: str, want: str) -> None:
    dialect = PostgresDialect()
    statement = typed_columns(parse_one(written, dialect="postgres"), _catalog(), dialect)
    assert dialect.render(statement, {}).text == want

"""On real engines, through their real dialects: a row condition never raises, and says what Python says of each row.

An error is an answer about rows that nobody may see, so extreme values stand in the table: the largest integers, NULL
everywhere, text with wildcards.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from policies.condition import Moment
from policies.evaluate import evaluator
from policies.guard import request_value
from policies.predicate import row_condition
from policies.predicate_names import RowScope
from resolvers.backends.backend import Backend
from schema.caller import Caller
from schema.query import Slot
from schema.types import BOOLEAN, STRING, TIMESTAMP, Type, parse_type
from tests.backends.conformance import fetch
from tests.backends.engines import FACTS, Engine, duckdb_engine, postgres_engine, sqlite_engine
from tests.policies.house import HERE, caller, house
from tests.policies.writing import CLAIMS, Table, conditions
from tests.postgres import server

RUNS = int(os.environ.get("CUSTOMHOUSE_POLICY_RUNS", "25"))
NOW = Moment(29_000_000, "eu-west-1")
BIG = 9223372036854775807


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


ROWS: list[dict[str, object]] = [
    dict(zip(FACTS, values, strict=True))
    for values in [
        (1, 0, BIG, Decimal("10.00"), 1.0, "b", True, date(2013, 1, 2), instant("2013-01-01 05:00:00")),
        (2, 1, BIG, Decimal("0.10"), 0.25, "B", False, date(2013, 1, 31), instant("2013-01-31 23:59:59")),
        (3, 2147483647, None, Decimal("2.25"), 1.0, "a", True, date(2013, 6, 1), instant("2013-06-01 00:00:00.500000")),
        (4, 2, None, Decimal("0.00"), 2.5, "é", None, date(2013, 12, 31), None),
        (5, None, None, None, None, None, None, None, None),
    ]
]
TABLE = Table(
    ("s", "CAST(n AS text)", "CAST(big AS text)", "CAST(ok AS text)", "CAST(day AS text)", "SPLIT_PART(s, 'b', 1)"),
    ("n", "ABS(n)", "(-n)"),
    (
        "ok", "n * 1000 > 1500", "day >= '2013-06-01'",
        "f > 0.5", "d * n > 5", "d + 1.25 <= 3.5", "d = f", "big > n", "-d < 0", "ABS(d) > 1",
        "moment < request.time", "moment >= '2013-01-31 23:59:59Z'", "DATE_TRUNC('month', day) = '2013-01-01'",
        "DATE_TRUNC('hour', moment) = '2013-06-01 00:00:00Z'", "CAST(n AS double precision) = f", "STARTS_WITH(s, 'b')",
        "COALESCE(n, 7) > 5", "CASE WHEN ok THEN n ELSE 3 END = 3", "RIGHT(s, 1) = 'b'", "s IS NOT DISTINCT FROM 'b'",
        "n BETWEEN 0 AND 1", "ok IS NOT TRUE", "day <> '2013-01-02'",
    ),
)  # fmt: skip


@pytest.fixture(scope="module", params=["duckdb", "sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    if request.param == "postgres":
        return postgres_engine(server())
    folder: Path = tmp_path_factory.mktemp(request.param)
    return duckdb_engine(folder) if request.param == "duckdb" else sqlite_engine(folder)


CATALOG = house(facts=FACTS)
SCOPE = RowScope(CATALOG, CATALOG.products["operations.facts"], {})


@settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.lists(conditions(TABLE), min_size=8, max_size=8), claims=CLAIMS, purpose=st.none() | st.just("fraud"))
def test_conditions_are_total_and_mean_the_same_everywhere(
    engine: Engine, text: list[str], claims: dict[str, Any], purpose: str | None
) -> None:
    who = caller(claims, purpose=purpose)
    found = [(one, row_condition(one, HERE, SCOPE).condition) for one in text]
    folded = [(one, condition.fold(condition.bits(who, NOW))) for one, condition in found]
    rest = [(one, value) for one, value in folded if isinstance(value, exp.Expression)]
    answers = asyncio.run(_answers(engine, [value for _, value in rest], who))
    for number, row in enumerate(ROWS):
        for at, (one, value) in enumerate(rest):
            assert answers[number][at + 1] is evaluator(value)(_look(row, who)), (one, row)


async def _answers(engine: Engine, values: list[exp.Expression], who: Caller) -> list[tuple[object, ...]]:
    backend = engine.opened()
    try:
        return await fetch(backend, backend.dialect.render(_select(backend, values), _slots(values, who)))
    finally:
        await backend.close()


def _select(backend: Backend, values: list[exp.Expression]) -> exp.Select:
    tables = exp.Table(this=exp.to_identifier("facts", quoted=True))
    items = [exp.alias_(exp.column("id", quoted=True), "i", quoted=True)]
    for at, value in enumerate(values):
        items.append(exp.alias_(backend.dialect.wire(value.copy(), BOOLEAN), f"v{at}", quoted=True))
    return exp.select(*items).from_(tables).order_by(exp.column("id", quoted=True))


def _slots(values: list[exp.Expression], who: Caller) -> dict[str, Slot]:
    names = {bind.name for value in values for bind in value.find_all(exp.Placeholder)}
    return {name: _slot(name, who) for name in names}


def _slot(name: str, who: Caller) -> Slot:
    room, _, key = name.partition(":")
    if room == "claim":
        claim = CATALOG.claims[key]
        value = who.claims[key]
        return Slot(
            name, claim.type, "constant", many=claim.many, value=list(value) if isinstance(value, tuple) else value
        )
    type_: Type = TIMESTAMP if key == "time" else STRING
    return Slot(name, type_, "constant", value=request_value(key, who, NOW))


def _look(row: Mapping[str, object], who: Caller) -> Any:
    def look(name: str) -> object:
        room, _, key = name.partition(":")
        if room == "column":
            return row[key]
        return who.claims[key] if room == "claim" else request_value(key, who, NOW)

    return look


def test_the_rows_here_are_those_of_the_engines(engine: Engine) -> None:
    assert {name: parse_type(spelt) for name, spelt in FACTS.items()} == {
        name: column.type for name, column in SCOPE.product.columns.items()
    }
    (count,) = asyncio.run(_answers(engine, [exp.Not(this=exp.false())], caller({})))[-1:]
    assert count[0] == len(ROWS)

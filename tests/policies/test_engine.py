"""The Python evaluation of conditions agrees with a real engine's three-valued logic, on random conditions.

The engine runs the steward's *own text* over tables named ``claims`` and ``request`` and the row's table, so nothing
that is tested stands on both sides. Only lists are spelt as sub-selects for it: DuckDB 2.0 reads ``x IN list_column``
as a search in the list's text, and ``= ANY`` of a list ignores NULL.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from policies.condition import Moment
from policies.evaluate import evaluator
from policies.guard import request_value
from tests.policies.house import caller
from tests.policies.test_conditions import compiled
from tests.policies.writing import CLAIMS, FLIGHTS, NO_ROW, conditions, whole, words

RUNS = int(os.environ.get("CUSTOMHOUSE_POLICY_RUNS", "200"))
MINUTE = 29_000_000
INSTANT = datetime.fromtimestamp(MINUTE * 60, UTC)

ROWS = st.fixed_dictionaries(
    {
        "carrier": st.none() | words,
        "origin": st.none() | words,
        "dep_delay": st.none() | whole,
        "distance": st.none() | st.sampled_from([0.0, 0.1, 2.0]),
        "is_open": st.none() | st.booleans(),
        "day": st.none() | st.dates(date(2013, 1, 1), date(2013, 12, 31)),
    }
)


TYPES = {
    "roles": "VARCHAR[]", "carriers": "VARCHAR[]", "levels": "INTEGER[]", "tenant": "VARCHAR", "level": "INTEGER",
    "admin": "BOOLEAN", "ratio": "DOUBLE", "carrier": "VARCHAR", "origin": "VARCHAR", "dep_delay": "INTEGER",
    "distance": "DOUBLE", "is_open": "BOOLEAN", "day": "DATE", "zone": "VARCHAR", "purpose": "VARCHAR",
}  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def ask(engine: duckdb.DuckDBPyConnection, condition: str, tables: dict[str, dict[str, Any]]) -> object:
    """What the engine says to a condition over one-row tables."""
    froms, binds = [], []
    for name, values in tables.items():
        items = ", ".join(f"CAST(? AS {TYPES[key]}) AS {key}" for key in values)
        froms.append(f"(SELECT {items}) AS {name}")
        binds += list(values.values())
    standard = re.sub(r"\b(IN |ANY\(|ALL\()(claims\.(?:roles|carriers|levels))", r"\1(SELECT unnest(\2))", condition)
    found = engine.execute(f"SELECT {standard} FROM {', '.join(froms)}", binds).fetchone()
    assert found is not None
    return found[0]


@settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=conditions(NO_ROW), claims=CLAIMS, purpose=st.none() | words | st.just("fraud"))
def test_guards_say_what_an_engine_says(
    engine: duckdb.DuckDBPyConnection, text: str, claims: dict[str, Any], purpose: str | None
) -> None:
    condition = compiled(text, key="when")
    got = condition.fold(condition.bits(caller(claims, purpose=purpose), Moment(MINUTE, "eu-west-1")))
    assert condition.row is None
    assert got is ask(engine, text, {"claims": claims, "request": {"zone": "internal", "purpose": purpose}})


@settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=conditions(FLIGHTS), claims=CLAIMS, row=ROWS, purpose=st.none() | st.just("fraud"))
def test_folded_rows_say_what_an_engine_says(
    engine: duckdb.DuckDBPyConnection, text: str, claims: dict[str, Any], row: dict[str, Any], purpose: str | None
) -> None:
    """Twice: the folded condition as SQL, and evaluated in Python, against the whole text in the engine."""
    who = caller(claims, purpose=purpose)
    condition = compiled(text)
    folded = condition.fold(condition.bits(who, Moment(MINUTE, "eu-west-1")))
    tables = {"claims": claims, "request": {"zone": "internal", "purpose": purpose}, "row": row}
    want = ask(engine, text, tables)
    if not isinstance(folded, exp.Expression):
        assert folded is want
        return
    assert "guard:" not in folded.sql()
    assert ask(engine, lowered(folded), tables) is want

    def look(name: str) -> object:
        room, _, key = name.partition(":")
        if room == "column":
            return row[key]
        return who.claims[key] if room == "claim" else request_value(key, who, Moment(MINUTE, "eu-west-1"))

    assert evaluator(folded)(look) is want


SHAPES = {
    "CH_IN": "({0} IN (SELECT unnest({1})))",
    "CH_CONTAINS": "({0} LIKE {1} ESCAPE '\\')",
    "CH_LENGTH": "length({0})",
    "CH_LEFT": "left({0}, {1})",
}


def lowered(folded: exp.Expression) -> str:
    """A folded condition as DuckDB spells it, with binds read from the tables of `ask`."""

    def lower(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Placeholder):
            room, _, key = node.name.partition(":")
            return exp.column(key, table="claims" if room == "claim" else "request")
        if isinstance(node, exp.Anonymous):
            one, *rest = (part.sql(dialect="duckdb") for part in node.expressions)
            shape = SHAPES[node.name]
            return exp.Var(this=shape.format(one, *rest))
        return node

    def deep(node: exp.Expression) -> exp.Expression:
        for child in [part for part in node.iter_expressions() if isinstance(part, exp.Expression)]:
            new = deep(child)
            if new is not child:
                child.replace(new)
        return lower(node)

    return deep(folded.copy()).sql(dialect="duckdb")

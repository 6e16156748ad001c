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

RUNS = int(os.environ.get("CUSTOMHOUSE_POLICY_RUNS", "300"))
MINUTE = 29_000_000
INSTANT = datetime.fromtimestamp(MINUTE * 60, UTC)

words = st.sampled_from(["a", "b", "ab", "A", "", "é", "a%", "UA"])
whole = st.integers(-3, 3)
literals = words.map(lambda w: "'" + w + "'")

CLAIMS = st.fixed_dictionaries(
    {
        "roles": st.lists(words, min_size=1, max_size=3),
        "carriers": st.lists(words, min_size=1, max_size=3),
        "levels": st.lists(whole, min_size=1, max_size=3),
        "tenant": words,
        "level": whole,
        "admin": st.booleans(),
        "ratio": st.sampled_from([0.0, 0.1, 0.5, -2.5, 3.0]),
    }
)
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


def texts(row: bool) -> st.SearchStrategy[str]:
    """Text values."""
    plain = [literals, st.just("claims.tenant"), st.just("request.purpose"), st.just("request.zone")]
    plain += [st.just("carrier"), st.just("origin")] if row else []
    return st.recursive(
        st.one_of(plain),
        lambda inner: st.one_of(
            inner.map(lambda t: f"LOWER({t})"),
            inner.map(lambda t: f"UPPER({t})"),
            inner.map(lambda t: f"LEFT({t}, 1)"),
            inner.map(lambda t: f"TRIM({t})"),
            inner.map(lambda t: f"SUBSTRING({t}, 2)"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]} || {p[1]})"),
            st.tuples(inner, inner).map(lambda p: f"COALESCE({p[0]}, {p[1]})"),
            st.tuples(inner, inner).map(lambda p: f"NULLIF({p[0]}, {p[1]})"),
        ),
        max_leaves=3,
    )


def numbers(row: bool) -> st.SearchStrategy[str]:
    """Whole numbers, small enough to compute with."""
    plain = [st.integers(-4, 4).map(str), st.just("claims.level")]
    plain += [st.just("dep_delay")] if row else []
    sums = st.tuples(st.one_of(plain), st.sampled_from(["+", "-", "*"]), st.one_of(plain)).map(
        lambda p: f"({' '.join(p)})"
    )
    return st.one_of(*plain, sums, texts(row).map(lambda t: f"LENGTH({t})"))


def conditions(row: bool) -> st.SearchStrategy[str]:
    orders = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
    equal = st.sampled_from(["=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"])
    text, number = texts(row), numbers(row)
    leaves = [
        st.tuples(text, orders | equal, text).map(" ".join),
        st.tuples(number, orders | equal, number).map(" ".join),
        st.tuples(number, orders, st.sampled_from(["claims.ratio", "0.5", "1.0"])).map(" ".join),
        st.tuples(text, st.sampled_from(["IN", "NOT IN"]), st.sampled_from(["claims.roles", "claims.carriers"])).map(
            " ".join
        ),
        st.tuples(text, st.sampled_from(["= ANY(claims.roles)", "<> ALL(claims.carriers)"])).map(" ".join),
        st.tuples(number, st.sampled_from(["IN", "NOT IN"]), st.just("claims.levels")).map(" ".join),
        st.tuples(text, st.sampled_from(["IN", "NOT IN"]), st.lists(literals, min_size=1, max_size=3)).map(
            lambda p: f"{p[0]} {p[1]} ({', '.join(p[2])})"
        ),
        st.tuples(
            text, st.sampled_from(["LIKE", "NOT LIKE"]), st.sampled_from(["'%a%b'", "'%a_%'", "'a%'", "'_'", "'%b'", "'a_%'", "''"])
        ).map(" ".join),
        st.tuples(number, number, number).map(lambda p: f"{p[0]} BETWEEN {p[1]} AND {p[2]}"),
        text.map(lambda t: f"{t} IS NULL"),
        text.map(lambda t: f"{t} IS NOT NULL"),
        st.sampled_from(["claims.admin", "TRUE", "FALSE", "request.purpose = 'fraud'"]),
    ]
    leaves += [st.sampled_from(["is_open", "day >= '2013-06-01'", "distance > 0.1"])] if row else []
    return st.recursive(
        st.one_of(leaves),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda p: f"({p[0]}) AND ({p[1]})"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]}) OR ({p[1]})"),
            inner.map(lambda c: f"NOT ({c})"),
            st.tuples(inner, st.sampled_from(["IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NULL"])).map(
                lambda p: f"({p[0]}) {p[1]}"
            ),
            st.tuples(inner, inner, inner).map(lambda p: f"CASE WHEN {p[0]} THEN {p[1]} ELSE {p[2]} END"),
            st.tuples(inner, inner).map(lambda p: f"({p[0]}) = ({p[1]})"),
            st.tuples(inner, inner).map(lambda p: f"COALESCE({p[0]}, {p[1]})"),
        ),
        max_leaves=6,
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
@given(text=conditions(row=False), claims=CLAIMS, purpose=st.none() | words | st.just("fraud"))
def test_guards_say_what_an_engine_says(
    engine: duckdb.DuckDBPyConnection, text: str, claims: dict[str, Any], purpose: str | None
) -> None:
    condition = compiled(text, key="when")
    got = condition.fold(condition.bits(caller(claims, purpose=purpose), Moment(MINUTE, "eu-west-1")))
    assert condition.row is None
    assert got is ask(engine, text, {"claims": claims, "request": {"zone": "internal", "purpose": purpose}})


@settings(max_examples=RUNS, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=conditions(row=True), claims=CLAIMS, row=ROWS, purpose=st.none() | st.just("fraud"))
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

"""What comes out of the gate: only the gate makes it, and the independent walk proves every table in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from policies.govern import GovernedQuery
from policies.verify import mark, verify
from resolvers.operation import Operation
from schema.catalog import Catalog
from schema.errors import Refusal
from tests.leak.compare import real_project
from tests.leak.engines import DuckDBFiles
from tests.leak.house import House, caller
from tests.leak.reference import PERSONAS

CLERK = next(persona for persona in PERSONAS if persona.name == "clerk")
QUERY = "{ orders(where: {person: {score: {gt: 0}}}) { nodes { amount person { region } store { name } } } }"


@pytest.fixture
def governed(tmp_path: Path) -> tuple[GovernedQuery, Catalog]:
    real_project(tmp_path / "p", 1, DuckDBFiles())
    house = House.open(tmp_path / "p")
    prepared = house.engine.prepare(Operation("graphql", QUERY), caller(CLERK))
    return prepared.ready.plan.query, house.engine.catalog


def test_nobody_else_makes_a_governed_query(governed: tuple[GovernedQuery, Catalog]) -> None:
    query, _ = governed
    with pytest.raises(TypeError):
        GovernedQuery(query.logical, query.blocks, query.slots, query.decisions, query.entitlements, object())
    with pytest.raises(TypeError):
        dataclasses.replace(query, seal=None)


def _raw(select: exp.Select) -> None:
    select.args["from_"].set("this", exp.table_("people", alias="t0", quoted=True))


def _raw_in_a_filter(select: exp.Select) -> None:
    select.where(exp.Exists(this=exp.select("1").from_(exp.table_("people"))), copy=False)


def _other_product_inside(select: exp.Select) -> None:
    select.find(exp.Table).replace(exp.table_("rights", alias="s"))


def _entitlements_in_a_policy(select: exp.Select) -> None:
    inner = select.args["from_"].this.this
    inner.where(exp.Exists(this=exp.select("1").from_(exp.table_("rights"))), copy=False)


def _other_schema(select: exp.Select) -> None:
    select.find(exp.Table).set("db", exp.to_identifier("elsewhere"))


def _function(select: exp.Select) -> None:
    reading = exp.Table(this=exp.Anonymous(this="read_text", expressions=[exp.Literal.string("*")]))
    select.args["from_"].set("this", reading)


def _star(select: exp.Select) -> None:
    select.set("expressions", [exp.Column(this=exp.Star(), table=exp.to_identifier("t0"))])


def _unmarked(select: exp.Select) -> None:
    select.args["from_"].this.meta.clear()


def _mark_of_another(select: exp.Select) -> None:
    mark(select.args["from_"].this, "geo.stores")


def _cte_of_a_table(select: exp.Select) -> None:
    select.with_("x", as_=exp.select("1").from_(exp.table_("people")), copy=False)


BROKEN = [
    _raw, _raw_in_a_filter, _other_product_inside, _entitlements_in_a_policy, _other_schema, _function, _star,
    _unmarked, _mark_of_another, _cte_of_a_table,
]  # fmt: skip


@pytest.mark.parametrize("break_", BROKEN, ids=lambda break_: break_.__name__)
def test_the_walk_refuses(break_: Callable[[exp.Select], None], governed: tuple[GovernedQuery, Catalog]) -> None:
    query, catalog = governed
    select = query.blocks[0].select.copy()
    verify(select, catalog)
    break_(select)
    with pytest.raises(Refusal) as refused:
        verify(select, catalog)
    assert (refused.value.code, refused.value.status) == ("CH452", 500)


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("WITH people AS (SELECT 1 AS a) SELECT a FROM people", True),
        ("WITH people AS (SELECT 1 AS a), b AS (SELECT a FROM people) SELECT a FROM b", True),
        ("SELECT 1 WHERE EXISTS(WITH people AS (SELECT 1 AS a) SELECT a FROM people)", True),
        ("WITH people AS (SELECT 1 AS a FROM people) SELECT a FROM people", False),
        ("WITH b AS (SELECT 1 AS a FROM people), people AS (SELECT 1 AS a) SELECT a FROM b", False),
        ("SELECT 1 FROM people WHERE EXISTS(WITH people AS (SELECT 1 AS a) SELECT a FROM people)", False),
        ("WITH people AS (SELECT 1 AS a) SELECT a FROM main.people", False),
    ],
)
def test_a_cte_hides_a_table_only_where_it_is_in_scope(
    text: str, passes: bool, governed: tuple[GovernedQuery, Catalog]
) -> None:
    _, catalog = governed
    statement = sqlglot.parse_one(text, dialect="duckdb")
    if passes:
        verify(statement, catalog)
        return
    with pytest.raises(Refusal):
        verify(statement, catalog)

"""Look-up columns in any other form than a look-up are refused, whoever asks: the gate trusts no front end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from sqlglot import exp

from app.project import Project, load_project
from policies.condition import Moment
from policies.govern import govern, guard, prerequisites
from policies.guard import guard_tuple
from schema.caller import Caller
from schema.errors import Refusal
from schema.query import Block, LogicalQuery, Output, Slot
from schema.types import STRING
from tests.detokenize.house import PROJECT, caller

CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "misuse.yaml").read_text("utf-8"))
LOOK_UP = (
    'SELECT "t0"."~raw.{0}" AS "c0" FROM "customers"."bookings" AS "t0" '
    'WHERE "t0"."~token.{0}" = :token ORDER BY "t0"."~key.0" LIMIT 1'
)
READ = load_project(PROJECT)
DESK = caller(("desk",))


def block(text: str) -> Block:
    select = sqlglot.parse_one(text)
    assert isinstance(select, exp.Select)
    root = select.args["from_"].this
    outputs = tuple(Output(item.alias, STRING) for item in select.expressions)
    return Block("b0", f"{root.db}.{root.name}", select, outputs, one=True)


def governed(one: Block, who: Caller, read: Project = READ) -> str:
    """The governed select of a block, as text."""
    tables = {f"{table.db}.{table.name}" for table in one.select.find_all(exp.Table)}
    slots = {"token": Slot("token", STRING, "constant", value="x")}
    query = LogicalQuery("d", (one,), (), slots, frozenset(tables))
    moment = Moment(29_000_000, "eu-west-1")
    products = prerequisites(query, read.policies, read.catalog)
    guards = guard(products, who, read.policies, lambda rules: guard_tuple(rules, who, moment))
    return govern(query, who, guards, read.policies, read.catalog).blocks[0].select.sql()


def test_the_one_form_passes() -> None:
    assert '"s"."passport"' in governed(block(LOOK_UP.format("passport")), DESK)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_misuse(case: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        governed(block(case["select"]), DESK)
    assert caught.value.code == "CH450"
    assert case["says"] in caught.value.message


@pytest.mark.parametrize(
    "beside",
    [
        {"one": False},
        {"aggregate": True},
        {"relationship": "customers.bookings.visits"},
        {"children": (block('SELECT "t1"."id" AS "c0" FROM "customers"."visits" AS "t1"'),)},
    ],
    ids=lambda beside: next(iter(beside)),
)
def test_a_look_up_stands_alone(beside: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        governed(replace(block(LOOK_UP.format("passport")), **beside), DESK)
    assert caught.value.code == "CH450"


@pytest.mark.parametrize(
    ("roles", "column"),
    [
        (("reader",), "passport"),
        (("eu_desk", "reader"), "visa"),
        (("desk",), "residency"),
        (("desk", "barred"), "passport"),
    ],
)
def test_the_gate_asks_for_the_right_again(roles: tuple[str, ...], column: str) -> None:
    """A front end that was told a wrong set of names gets nothing for it."""
    with pytest.raises(Refusal) as caught:
        governed(block(LOOK_UP.format(column)), caller(roles))
    assert caught.value.code == "CH205"
    assert caught.value.message == f"No column '{column}' in product 'customers.bookings'."

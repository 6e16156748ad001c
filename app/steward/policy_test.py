"""In-file policy tests: who asks what, and what must come back. Through the same engine and gate as every request.

1. The test's claims become a caller's, with the types the catalog declares; nothing is coerced.
2. Its query is compiled by `policy_sql`, governed, planned, and run on the product's source.
3. Rows are compared by type: numbers as numbers, floats at 12 digits, without order unless the query has one.

Without sources (`live=False`) the rows are not compared, but everything before that is proven: that a query which must
be refused is, with that code, and that every other one passes the gate. Hashes and tokens are made with a fixed key, so
that a test may name one.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Literal

import orjson

from app.authenticate import digest
from app.keyring import USES
from app.project import Project
from app.steward.policy_sql import PolicySql
from app.steward.policy_sql_terms import plain_values
from app.steward.sources import opened
from app.tokens.claims import map_claims
from policies.rules import PolicyTest
from resolvers.backends.opened import Opened
from resolvers.engine import Engine
from resolvers.operation import Operation
from schema.caller import Caller
from schema.catalog import Catalog, ClaimPath, Issuer
from schema.errors import LoadError, Refusal, Refusals
from schema.types import Type

Outcome = Literal["ok", "failed", "not run"]
_ISSUER = "policy-test"
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class TestResult:
    """``error`` says what is wrong: CH461 other rows, CH462 refused otherwise than wanted, CH463 not run."""

    test: PolicyTest
    outcome: Outcome
    error: LoadError | None = None
    __test__ = False


def run_policy_tests(project: Project, live: bool = True) -> list[LoadError]:
    """What is wrong with a project's in-file tests. ``live`` asks the sources; else only the gate is tried."""
    return [result.error for result in results(project, live) if result.error is not None]


def results(project: Project, live: bool = True) -> list[TestResult]:
    """Every in-file test and how it went, in the order of the files."""
    return asyncio.run(_results(project, live)) if project.policies.tests else []


async def _results(project: Project, live: bool) -> list[TestResult]:
    async with AsyncExitStack() as stack:
        engines: dict[str, Engine] = {}
        for zone in dict.fromkeys(test.zone for test in project.policies.tests):
            placed = project.seen_in(zone)
            engines[zone] = _engine(placed, zone, await stack.enter_async_context(opened(placed, live)))
        return [await _one(engines[test.zone], test, live) for test in project.policies.tests]


def _engine(project: Project, zone: str, backends: Mapping[str, Opened]) -> Engine:
    engine = Engine(project.catalog, project.policies, zone, backends, fixed_keys(zone))
    engine.frontend = PolicySql(project.catalog)  # type: ignore[assignment]  # the same two calls, another language
    return engine


def fixed_keys(zone: str) -> dict[str, bytes]:
    """Keys that are the same on every machine and used nowhere else."""
    return {
        use: hashlib.shake_256(f"customhouse policy test/{zone}/{use}".encode()).digest(length)
        for use, length in USES.items()
    }


async def _one(engine: Engine, test: PolicyTest, live: bool) -> TestResult:
    caller = caller_of(test, engine.catalog)
    operation = Operation("sql", test.query)
    try:
        prepared = engine.prepare(operation, caller)
        if test.error is not None and not live:
            return _failed(test, "CH462", f"The query passes the gate, but {test.error} is wanted.")
        if not live:
            return TestResult(test, "not run")
        answer = orjson.loads((await engine.answer(operation, caller)).body)
    except Refusal as refusal:
        return _refused(test, refusal)
    except Refusals as refusals:
        return _refused(test, refusals.errors[0])
    for error in answer.get("errors", ()):
        return _refused(test, Refusal(error["extensions"]["code"], error["message"]))
    block = prepared.ready.plan.query.logical.blocks[0]
    found = [[row[output.alias] for output in block.outputs] for row in answer["data"]["rows"]]
    types = [output.type for output in block.outputs]
    return _compared(test, found, plain_values(found, types), types, ordered="order" in block.select.args)


def caller_of(test: PolicyTest, catalog: Catalog) -> Caller:
    """Who asks: the test's claims stand for what a token would bring."""
    paths = {name: ClaimPath(name, ((name,),)) for name in catalog.claims}
    issuer = Issuer(_ISSUER, _ISSUER, (), (), paths, test.place)
    region = catalog.zones[test.zone].region
    claims = map_claims(test.claims, issuer, catalog.claims)
    caller = Caller(_ISSUER, _ISSUER, test.zone, claims, math.inf, test.purpose, region)
    return replace(caller, digest=digest(caller))


def _refused(test: PolicyTest, refusal: Refusal) -> TestResult:
    if refusal.code == test.error:
        return TestResult(test, "ok")
    if refusal.code.startswith("CH5"):
        return _failed(test, "CH463", f"The test could not be run: {refusal.code} {refusal.message}", refusal.hint)
    wanted = f"{test.error} is wanted" if test.error else "rows are wanted"
    return _failed(test, "CH462", f"Refused with {refusal.code} ({refusal.message}), but {wanted}.", refusal.hint)


def _compared(
    test: PolicyTest, found: list[list[object]], rows: list[tuple[object, ...]], types: list[Type], ordered: bool
) -> TestResult:
    if test.error is not None:
        return _failed(test, "CH462", f"Answered with {len(found)} rows, but {test.error} is wanted.")
    wanted = test.want or ()
    if any(len(row) != len(types) for row in wanted):
        return _failed(test, "CH461", f"The query gives {len(types)} columns, but a wanted row has another number.")
    expected = plain_values(wanted, types)
    if expected == rows if ordered else sorted(map(repr, expected)) == sorted(map(repr, rows)):
        return TestResult(test, "ok")
    return _failed(test, "CH461", f"The answer is {_shown(found)}, but {_shown(list(map(list, wanted)))} is wanted.")


def _shown(rows: list[list[object]]) -> str:
    text = orjson.dumps(rows[:_SHOWN], default=str).decode()
    return text if len(rows) <= _SHOWN else f"{text[:-1]}, ..] ({len(rows)} rows)"


def _failed(test: PolicyTest, code: str, sentence: str, hint: str | None = None) -> TestResult:
    return TestResult(test, "failed", LoadError(test.place, code, sentence, hint))

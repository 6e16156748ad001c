"""What a plan miss costs: the CPU of each stage between a text nobody has asked before and its statements.

No source is reached: the dialects are enough. Every round asks a text that differs by a comment, so that nothing kept
per text is met; what the engine keeps per zone and policies stays warm, as in a gateway that has run for a minute.
Times are the least of the rounds, of the process's own CPU; ``render`` is a part of ``plan``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlglot import exp

from app.project import load_project
from policies.govern import govern
from resolvers.backends.dialect import Statement
from resolvers.backends.duckdb_dialect import DuckDBDialect
from resolvers.backends.lowering import Lowering
from resolvers.backends.postgres_dialect import PostgresDialect
from resolvers.engine import Engine
from resolvers.plan import plan
from resolvers.steps import Fetch, Step, steps_of
from schema.caller import Caller, ClaimValue
from schema.query import Slot

EXAMPLE = Path(__file__).parents[1] / "examples" / "flights"
KEYS = {use: use.encode() * 16 for use in ("hash", "token", "key", "seal")}
OPS: dict[str, ClaimValue] = {"roles": ("staff", "ops_analyst"), "carriers": ("UA",)}
SUPPORT: dict[str, ClaimValue] = {"roles": ("staff", "support"), "regions": ("EU",)}
STAGES = ("read", "coerce", "compile", "govern", "plan", "render")
ROUNDS = 40

Found = TypeVar("Found")


@dataclass(frozen=True)
class Question:
    name: str
    claims: dict[str, ClaimValue]
    text: str
    variables: Mapping[str, object]


QUESTIONS = (
    Question(
        "by key",
        OPS,
        "query Q($v: BigInt!) { flight(id: $v) { id carrier flight tailnum depDelay origin dest } }",
        {"v": "7"},
    ),
    Question(
        "100 rows",
        OPS,
        "query Q($v: BigInt!) { flights(where: {id: {gt: $v}, origin: {in: [\"JFK\", \"LGA\"]}, depDelay: {gte: 10}}, "
        "orderBy: [{depDelay: DESC}, {id: ASC}], first: 100) { nodes { id carrier flight tailnum depDelay arrDelay "
        "origin dest } pageInfo { hasNextPage endCursor } } }",
        {"v": "7"},
    ),
    Question(
        "three levels",
        OPS,
        "query Q($v: BigInt!) { airlines(first: 5) { nodes { carrier name flights(where: {id: {gt: $v}}, first: 10) "
        "{ nodes { id flight tailnum plane { tailnum model manufacturer } originAirport { name tzone } } } } } }",
        {"v": "7"},
    ),
    Question(
        "group by",
        OPS,
        "query Q($v: BigInt!) { flightsGroups(where: {id: {gt: $v}}, by: [{column: ORIGIN}, {column: CARRIER}]) "
        "{ key { origin carrier } count avg { depDelay arrDelay } max { distance } } }",
        {"v": "7"},
    ),
    Question(
        "masks and filters",
        SUPPORT,
        "query Q($v: BigInt!) { bookings(where: {bookingId: {gt: $v}}, first: 50) { nodes { bookingId passengerName "
        "email phone birthDate postcode fare region flight { carrier tailnum origin dest } } totalCount } }",
        {"v": "7"},
    ),
)  # fmt: skip


def main() -> None:
    project = load_project(EXAMPLE, "dev")
    for dialect in (DuckDBDialect(), PostgresDialect()):
        timed = _Timed(dialect)
        backends = dict.fromkeys(project.catalog.sources, timed)
        engine = Engine(project.catalog, project.policies, "internal", backends, KEYS)  # type: ignore[arg-type]
        print(f"\n{dialect.name}, CPU ms\n\n| query | {' | '.join(STAGES)} | all |")
        print(f"|---|{'--:|' * (len(STAGES) + 1)}")
        for question in QUESTIONS:
            rounds = [_cold(engine, timed, question, number)[0] for number in range(ROUNDS)]
            middle = {stage: min(cost[stage] for cost in rounds) for stage in STAGES}
            whole = min(sum(cost.values()) - cost["render"] for cost in rounds)
            print(f"| {question.name} | {' | '.join(f'{middle[stage]:.2f}' for stage in STAGES)} | {whole:.2f} |")


def texts(steps: tuple[Step, ...]) -> list[str]:
    """The statements of a plan, parents before children."""
    return [step.statement.text for step in steps_of(steps) if isinstance(step, Fetch)]


@dataclass
class _Timed:
    """A back end that is nothing but its dialect, and notes what rendering takes."""

    spoken: Lowering
    spent: float = 0.0

    @property
    def dialect(self) -> _Timed:
        return self

    def __getattr__(self, name: str) -> object:
        return getattr(self.spoken, name)

    def render(self, query: exp.Expression, slots: Mapping[str, Slot]) -> Statement:
        started = time.process_time()
        statement = self.spoken.render(query, slots)
        self.spent += (time.process_time() - started) * 1000
        return statement


def _cold(engine: Engine, dialect: _Timed, question: Question, number: int) -> tuple[dict[str, float], list[str]]:
    """The milliseconds of each stage, and the statements, of one text that has not been asked before."""
    caller = Caller("b", "b", "internal", question.claims, time.time() + 3600, region="eu-west-1", digest=question.name)
    names, front = engine.visible(caller), engine.frontend
    cost: dict[str, float] = {}

    def step(stage: str, work: Callable[[], Found]) -> Found:
        started = time.process_time()
        found = work()
        cost[stage] = (time.process_time() - started) * 1000
        return found

    def opener(kind: str, text: str, seal: str) -> tuple[object, ...]:
        raise RuntimeError("none of the questions has a cursor")

    document = step("read", lambda: front.read(f"{question.text} # {dialect.spoken.name} {number}", None, names))
    values = step("coerce", lambda: document.coerce(question.variables))
    query = step("compile", lambda: front.compile(document, values, opener))
    guards = engine.guards(query, caller)
    governed = step("govern", lambda: govern(query, caller, guards, engine.policies, engine.catalog))
    dialect.spent = 0.0
    dialects = dict.fromkeys(engine.catalog.sources, dialect)
    planned = step("plan", lambda: plan(governed, engine.catalog, dialects))  # type: ignore[arg-type]
    cost["render"] = dialect.spent
    return cost, texts(planned.steps)

"""Analytic SQL as BI tools write it (analytic.yaml) is not refused, and has the columns that its own engine gives.

Over the flights example, as its administrator. ``except`` in a row names the engines that have no form of it.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.personas import load_personas
from app.project import load_project
from app.steward.papers import caller_of
from app.steward.sources import opened
from examples.flights import build
from resolvers.engine import Engine
from resolvers.statements.engine import Asked
from schema.caller import Caller
from schema.errors import Refusal
from tests.leak.house import KEYS
from tests.sql.corpus import Statement, statements

EXAMPLE = Path(build.__file__).parent


async def test_analytic_statements(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    project = load_project(example(tmp_path / "flights"), "dev")
    admin = caller_of(load_personas(project.root)["admin"], project.catalog, None, None)
    admin = replace(admin, expires=time.time() + 3600)
    faults: list[str] = []
    outcomes: Counter[str] = Counter()
    async with opened(project) as sources:
        engine = Engine(project.catalog, project.policies, "internal", sources, KEYS)
        for statement in statements():
            outcome, names = await _ask(engine, statement, admin)
            outcomes[outcome] += 1
            if "duckdb" in statement.excepted or statement.name in NOT_OFFERED:
                continue
            if outcome != "answered":
                faults.append(f"{statement.name}: {outcome}\n    {statement.sql[:300]}")
            elif statement.dialect == "postgres" and statement.columns and names != statement.columns:
                faults.append(f"{statement.name}: {names}, not {statement.columns}")
        await engine.close()
    told = ", ".join(f"{count} {what}" for what, count in sorted(outcomes.items()))
    record_property("figure", f"analytic statements on duckdb: {sum(outcomes.values())}: {told}")
    assert not faults, f"{len(faults)} faults\n" + "\n".join(faults)


NOT_OFFERED = frozenset(
    {
        "bounded recursive CTE",
        "join in parentheses",
        "unnest in the select list",
        "regexp_split_to_table in a lateral",
        "row_to_json of a sub-query",
        "duckdb bounded range",
        "duckdb union by name",
    }
)
"""What docs/sql.md says is not offered, though an engine could run it."""


async def test_a_row_filter_makes_no_statement_unfit(tmp_path: Path) -> None:
    """What the administrator is answered, and a caller with row filters may ask, has a form with the guards in it."""
    project = load_project(example(tmp_path / "flights"), "dev")
    personas = load_personas(project.root)
    faults: list[str] = []
    async with opened(project) as sources:
        engine = Engine(project.catalog, project.policies, "internal", sources, KEYS)
        for statement in statements():
            outcomes = []
            for name in ("admin", "ops-united", "support-eu"):
                caller = caller_of(personas[name], project.catalog, None, None)
                outcome, _ = await _ask(engine, statement, replace(caller, expires=time.time() + 3600))
                outcomes.append(outcome)
            if outcomes[0] == "answered" and "CH168" in outcomes:
                faults.append(f"{statement.name}: {outcomes}")
        await engine.close()
    assert not faults, "\n".join(faults)


async def _ask(engine: Engine, statement: Statement, caller: Caller) -> tuple[str, tuple[str, ...]]:
    dialect = statement.dialect
    try:
        result = await engine.statements.answer(Asked(statement.sql, dialect), caller)  # type: ignore[arg-type]
        try:
            async for _ in result.stream:
                pass
            return "answered", result.names
        finally:
            await result.stream.aclose()
    except Refusal as refusal:
        return refusal.code, ()


def example(folder: Path) -> Path:
    """A copy of the example with few bookings."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("*.duckdb", ".run", "__pycache__", "*.parquet"))
    assert build.build(folder / "data" / "flights.duckdb", bookings=2000)
    return folder

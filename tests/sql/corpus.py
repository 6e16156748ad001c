"""What is asked of the SQL endpoint: statements that must be answered, and statements that must give nothing away.

1. `statements` are the analytic ones (analytic.yaml), over the flights example.
2. `attacks` are the others (attacks.yaml), over the house in ``project``; `repeat` is written out here.
3. `seed` gives the rows of that house, in one world or the other: what the analyst may see is the same in both.

Runs nothing and knows no engine: the rows are for DuckDB and for PostgreSQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

HERE = Path(__file__).parent
PROJECT = HERE / "project"
CANARIES = ("CANARYROW", "CANARYCELL", "CANARYCOL")

Expected = Literal["refused", "empty", "answered", "no_canary"]


@dataclass(frozen=True, slots=True)
class Statement:
    """A SELECT that must be answered; ``columns`` are its own engine's names. ``excepted`` engines may refuse it."""

    name: str
    dialect: str
    sql: str
    tags: tuple[str, ...]
    columns: tuple[str, ...]
    excepted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Attack:
    """A statement, who asks it, and what must come of it. ``code`` is the family of the refusal, or empty."""

    name: str
    kind: str
    dialect: str
    persona: str
    sql: str
    expect: Expected
    code: str
    why: str


def statements() -> list[Statement]:
    return [
        Statement(
            row["name"],
            row.get("dialect", "postgres"),
            row["sql"],
            tuple(row["tags"]),
            tuple(row["columns"]),
            tuple(row.get("except", ())),
        )
        for row in _rows("analytic.yaml")
    ]


def attacks() -> list[Attack]:
    return [
        Attack(
            row["name"],
            row["class"],
            row.get("dialect", "postgres"),
            row.get("as", "analyst"),
            row["sql"] if "sql" in row else written_out(**row["repeat"]),
            row["expect"],
            row.get("code", ""),
            row["why"],
        )
        for row in _rows("attacks.yaml")
    ]


def written_out(
    times: int, before: str = "", prefix: str = "", middle: str = "", suffix: str = "", after: str = ""
) -> str:
    """The text of a statement that is too long, or too deep, to stand in a file."""
    return before + prefix * times + middle + suffix * times + after


def seed(other: bool = False) -> list[str]:
    """The statements that fill an empty database, one by one."""
    files = ("seed.sql", "seed_other.sql") if other else ("seed.sql",)
    return [statement for file in files for statement in _split((HERE / file).read_text(encoding="utf-8"))]


def _split(script: str) -> list[str]:
    """A statement ends with a semicolon at the end of a line; comments stand before the first one only."""
    lines = [line for line in script.splitlines() if not line.startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";\n") if part.strip(" \n;")]


def _rows(file: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = yaml.safe_load((HERE / file).read_text(encoding="utf-8"))
    return rows

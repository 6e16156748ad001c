"""The little shop of the steward's tests: a DuckDB warehouse, a SQLite help desk, six personas."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
HOUSE = HERE / "house"


def house(at: Path, databases: bool = True) -> Path:
    """A copy of the project, with its databases."""
    project = at / "house"
    shutil.copytree(HOUSE, project)
    if databases:
        build(project)
    return project


def build(project: Path) -> None:
    with duckdb.connect(str(project / "shop.duckdb")) as warehouse:
        warehouse.execute("SET TimeZone = 'UTC'")
        warehouse.execute((HOUSE / "shop.sql").read_text())
    desk = sqlite3.connect(project / "desk.sqlite")
    desk.executescript((HOUSE / "desk.sql").read_text())
    desk.close()


def edit(project: Path, edits: Iterable[Mapping[str, str]]) -> None:
    """Change files: ``from`` becomes ``to``; it must stand there exactly once."""
    for one in edits:
        path = project / one["file"]
        text = path.read_text(encoding="utf-8")
        assert text.count(one["from"]) == 1, f"{one['from']!r} stands {text.count(one['from'])} times in {one['file']}"
        path.write_text(text.replace(one["from"], one["to"]), encoding="utf-8")

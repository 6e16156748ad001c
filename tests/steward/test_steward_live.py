"""The catalog compared with real sources (live.yaml): DuckDB and SQLite files."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
import yaml

from app.project import Project, load_project
from app.steward.live import answering, compare, readable
from app.steward.policy_test import run_policy_tests
from app.steward.sources import opened
from resolvers.backends.opened import of_keys, of_sql
from schema.errors import LoadError
from schema.types import parse_type
from tests.steward.place import HERE, edit, house

CASES = yaml.safe_load((HERE / "live.yaml").read_text(encoding="utf-8"))


async def said(project: Project) -> list[LoadError]:
    async with opened(project) as backends:
        return await compare(project.catalog, of_sql(backends))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_compare(tmp_path: Path, case: dict[str, list[dict[str, str]]]) -> None:
    root = house(tmp_path)
    edit(root, [{"file": "catalog/shop.yaml", **one} for one in case["edits"]])
    (root / "policies" / "shop.yaml").write_text("grants: []\n")
    if "without" in case:
        (root / str(case["without"])).unlink()
    found = asyncio.run(said(load_project(root)))
    assert [error.code for error in found] == [code for code, _, _ in case["says"]]
    for error, (_, sentence, hint) in zip(found, case["says"], strict=True):
        assert sentence in error.sentence
        assert hint in (error.hint or "")


def test_a_source_that_answers_by_key_is_asked_whether_it_does(tmp_path: Path) -> None:
    """Nobody listens at the port, which was free a moment ago."""
    root = house(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = root / "customhouse.yaml"
    store = f"  store: {{kind: redis, url: 'redis://127.0.0.1:{port}'}}\n"
    settings.write_text(settings.read_text().replace("sources:\n", f"sources:\n{store}", 1))

    async def silent(project: Project) -> list[LoadError]:
        async with opened(project) as sources:
            return await answering(project.catalog, of_keys(sources))

    (error,) = asyncio.run(silent(load_project(root)))
    assert (error.code, error.place.file) == ("CH244", "customhouse.yaml")
    assert "Source 'store' does not answer: CH501" in error.sentence


@pytest.mark.parametrize(
    ("declared", "stored", "generic", "wanted"),
    [
        ("bigint", "integer", False, True),
        ("integer", "bigint", False, False),
        ("decimal", "decimal(38,9)", False, True),
        ("decimal(10,2)", "decimal", False, True),
        ("timestamp", "datetime", False, True),
        ("date", "string", False, False),
        ("date", "string", True, True),
        ("boolean", "integer", True, True),
        ("string", "integer", True, False),
        ("array<bigint>", "array<integer>", False, True),
        ("array<integer>", "array<bigint>", False, False),
    ],
)
def test_readable(declared: str, stored: str, generic: bool, wanted: bool) -> None:
    assert readable(parse_type(declared), parse_type(stored), generic) is wanted


def test_policy_tests_of_a_source_that_is_gone(tmp_path: Path) -> None:
    """A test that cannot run has not passed; without sources, only its way through the gate is tried."""
    root = house(tmp_path)
    (root / "policies" / "tests.yaml").write_text(
        "tests:\n  - {as: {roles: [platform]}, query: 'SELECT id FROM shop.orders', want: [[1]]}\n"
    )
    (root / "shop.duckdb").unlink()
    project = load_project(root)
    assert [error.code for error in run_policy_tests(project)] == ["CH463"]
    assert run_policy_tests(project, live=False) == []

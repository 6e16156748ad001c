"""What import contracts cannot say: the gate is called in one place, and rows leave a back end in two.

`resolvers.entitlements` is the second: it reads entitlement products raw, and its result is only ever a bind.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.docs.tree import name, sources


def calls(wanted: str) -> Iterator[tuple[str, bool]]:
    """Where a function or method of this name is called: the file, and whether the call is awaited."""
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        awaited = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Await)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                called = node.func
                said = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
                if said == wanted:
                    yield name(path), id(node) in awaited


def test_the_gate_is_called_once() -> None:
    assert [file for file, _ in calls("govern")] == ["resolvers/engine.py"]


def test_only_the_gate_makes_governed_queries() -> None:
    assert {file for file, _ in calls("GovernedQuery")} == {"policies/govern.py"}


def test_only_run_and_entitlements_fetch() -> None:
    fetching = {file for file, awaited in calls("fetch") if awaited and not file.startswith("resolvers/backends/")}
    assert fetching == {"resolvers/run.py", "resolvers/entitlements.py"}


def test_the_gate_for_sql_is_called_once() -> None:
    assert [file for file, _ in calls("govern_statement")] == ["resolvers/statements/engine.py"]
    assert {file for file, _ in calls("GovernedStatement")} == {"policies/sql/govern.py"}


def test_only_run_streams() -> None:
    streaming = {file for file, awaited in calls("stream") if awaited and file.startswith("resolvers/")}
    assert {file for file in streaming if not file.startswith("resolvers/backends/")} == {"resolvers/statements/run.py"}


def test_rows_found_by_key_are_governed_by_the_gate() -> None:
    assert {file for file, _ in calls("row_functions")} == {"resolvers/engine.py", "resolvers/statements/engine.py"}

"""Bounds of variables (bounds.yaml), and reading them from a query string."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from graphql import OperationDefinitionNode, parse

from app.documents.bounds import check, read_bounds
from app.documents.registry import Bounds, Variable
from schema.errors import LoadError, Refusal

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("bounds.yaml").read_text(encoding="utf-8"))


def variable(said: str) -> Variable:
    definition = parse(f"query Q($v: {said}) {{ a }}").definitions[0]
    assert isinstance(definition, OperationDefinitionNode)
    assert definition.variable_definitions
    errors: list[LoadError] = []
    bounds = read_bounds(definition.variable_definitions[0], "q.graphql", errors)
    assert errors == []
    return Variable("v", said.split(" ")[0], False, bounds)


def value(said: Any) -> Any:
    if isinstance(said, str) and "*" in said:
        what, times = said.split("*")
        return "x" * int(times) if what == "x" else [1] * int(times)
    if isinstance(said, dict):
        return {name: value(item) for name, item in said.items()}
    return [value(item) for item in said] if isinstance(said, list) else said


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["type"]))
def test_bounds(case: dict[str, Any]) -> None:
    one = variable(case["type"])
    for said in case["pass"]:
        check((one,), {"v": value(said)})
    for said in case["refuse"]:
        with pytest.raises(Refusal) as refused:
            check((one,), {"v": value(said)})
        assert refused.value.code == "CH171"
        assert "'$v" in refused.value.message
        assert "UAX" not in refused.value.message


def test_too_many_members() -> None:
    with pytest.raises(Refusal, match="more than 100 members"):
        check((Variable("v", "JSON", False, Bounds()),), {"v": {str(at): at for at in range(101)}})


@pytest.mark.parametrize(
    "directive",
    ["@length", "@length(min: 1)", "@length(max: -1)", "@length(max: 1.5)", '@length(max: "1")', "@items(max: $v)",
     "@range", "@range(most: 1)", "@range(min: 2, max: 1)", "@length(max: 1) @length(max: 2)"],
)  # fmt: skip
def test_misspelt(directive: str) -> None:
    try:
        definition = parse(f"query Q($v: Int {directive}) {{ a }}").definitions[0]
    except Exception:  # noqa: BLE001 - a variable may not stand there at all
        return
    assert isinstance(definition, OperationDefinitionNode)
    assert definition.variable_definitions
    errors: list[LoadError] = []
    read_bounds(definition.variable_definitions[0], "q.graphql", errors)
    assert [error.code for error in errors] == ["CH250"]


def test_spelling_is_that_of_the_file() -> None:
    one = Variable("v", "[Int!]", False, Bounds(2, 3, 1, 9.5), default="[1]")
    assert str(one) == "$v: [Int!] = [1] @length(max: 2) @items(max: 3) @range(min: 1, max: 9.5)"

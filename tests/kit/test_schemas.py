"""Schemas of answers and parameters, by what they take and what they refuse: answers.yaml, inputs.yaml."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict, cast

import jsonschema
import pytest
import yaml
from graphql import GraphQLInputType, build_schema, parse, parse_type, type_from_ast

from app.documents.registry import Bounds
from app.documents.schemas import Inputs, Json, answer_of, bounded

HERE = Path(__file__).parent
SCHEMA = build_schema(
    """
    scalar BigInt scalar Decimal scalar Long scalar Fraction scalar JSON
    scalar Date scalar Time scalar DateTime scalar Timestamp
    enum Kind { VET KEEPER }
    enum Way { ASC DESC }
    interface Node { id: ID! }
    type Pet implements Node { id: ID! name: String age: Int owner: Owner }
    type Owner implements Node {
      id: ID! name: String age: Int kind: Kind pets: [Pet!] grid: [[Int!]!]
      many: BigInt price: Decimal long: Long part: Fraction json: JSON
      day: Date at: Timestamp local: DateTime clock: Time
    }
    type Must { id: ID! tags: [String] }
    input Where { and: [Where!] name: String }
    input Order @oneOf { name: Way age: Way }
    input Needs { a: Int! b: Int c: Int! = 3 }
    type Query {
      pet: Pet owner: Owner must: Must! node: Node
      find(where: Where, order: Order, needs: Needs, weight: Float, ok: Boolean): Pet
    }
    """
)


class Case(TypedDict, total=False):
    name: str
    query: str
    type: str
    bounds: dict[str, float]
    good: list[object]
    bad: list[object]


def cases(file: str) -> list[Case]:
    return cast(list[Case], yaml.safe_load((HERE / file).read_text(encoding="utf-8")))


def taken(schema: Json, value: object) -> bool:
    checker = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    return not list(checker.iter_errors(value))


def check(schema: Json, case: Case) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)
    assert [value for value in case["good"] if not taken(schema, value)] == []
    assert [value for value in case["bad"] if taken(schema, value)] == []


@pytest.mark.parametrize("case", cases("answers.yaml"), ids=lambda case: case["name"])
def test_answer(case: Case) -> None:
    check(answer_of(parse(case["query"]), SCHEMA), case)


@pytest.mark.parametrize("case", cases("inputs.yaml"), ids=lambda case: case["name"])
def test_input(case: Case) -> None:
    inputs = Inputs()
    type_ = cast(GraphQLInputType, type_from_ast(SCHEMA, parse_type(case["type"])))  # type: ignore[arg-type]
    bounds = Bounds(**case["bounds"])  # type: ignore[arg-type]
    schema = bounded(inputs.of(type_), bounds)
    check({**schema, "components": {"schemas": inputs.named}}, case)

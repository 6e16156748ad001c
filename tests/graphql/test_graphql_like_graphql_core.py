"""Where we do in our own way what graphql-core does, both agree: merging of fields, and coercion of variables."""

from __future__ import annotations

import random

import pytest
from graphql import GraphQLError, OperationDefinitionNode, parse, validate
from graphql.execution.values import get_variable_values
from graphql.validation import OverlappingFieldsCanBeMergedRule

from resolvers.frontends.graphql.coercion import coerce
from resolvers.frontends.graphql.merging import check_merging
from schema.errors import Refusal, Refusals
from schema.graphql import build
from schema.limits import Limits
from tests.graphql.asking import CATALOG, VISIBLE
from tests.graphql.catalog import ZONE

VIEW = build(CATALOG, ZONE).view(VISIBLE)
ROUNDS = 400


def _leaf(dice: random.Random, names: list[str]) -> str:
    alias = dice.choice([*[""] * 24, "a: ", "b: "])
    return alias + dice.choice(names)


def _row(dice: random.Random, type_: str, depth: int) -> str:
    """A random selection of a Flight or a Plane that is valid but for its merging.

    Without an aliased __typename: graphql-core does not compare its type, as the specification would have it.
    """
    parts = [_leaf(dice, ["tailnum", "nodeId"]) for _ in range(dice.randint(1, 2))]
    own = {"Flight": ["id", "carrier", "depDelay"], "Plane": ["model", "seats"]}[type_]
    parts.append(_leaf(dice, own))
    if depth:
        if type_ == "Flight":
            parts.append(f"plane {{ {_row(dice, 'Plane', depth - 1)} }}")
        else:
            first = dice.choice([*[""] * 8, "(first: 1)"])
            parts.append(f"flights{first} {{ nodes {{ {_row(dice, 'Flight', depth - 1)} }} }}")
        if dice.random() < 0.4:
            parts.append(f"... on {type_} {{ {_row(dice, type_, depth - 1)} }}")
        if dice.random() < 0.4:
            parts.append(f"...F{type_}")
    return " ".join(parts)


def _document(dice: random.Random) -> str:
    on_node = " ".join(
        f"... on {type_} {{ {_row(dice, type_, 1)} }}" for type_ in dice.sample(["Flight", "Plane", "Flight"], 2)
    )
    text = f'{{ flights {{ nodes {{ {_row(dice, "Flight", 2)} }} }} node(id: "x") {{ {on_node} }} }}'
    for type_ in ("Flight", "Plane"):
        if f"...F{type_}" in text:
            text += f" fragment F{type_} on {type_} {{ {_row(dice, type_, 0)} }}"
    return text


def test_merging_agrees_with_the_quadratic_rule() -> None:
    dice, refused = random.Random(20130101), 0
    for _ in range(ROUNDS):
        text = _document(dice)
        document = parse(text)
        wanted = bool(validate(VIEW.schema, document, [OverlappingFieldsCanBeMergedRule]))
        operation, *fragments = document.definitions
        assert isinstance(operation, OperationDefinitionNode)
        try:
            check_merging(VIEW.schema, operation, {f.name.value: f for f in fragments})  # type: ignore[attr-defined, misc]
            got = False
        except Refusal:
            got = True
        assert got == wanted, text
        refused += got
    assert ROUNDS * 0.1 < refused < ROUNDS * 0.9


SCALARS: list[object] = [
    None, True, False, 0, 1, -5, 2**31, 2**53, 2**63 - 1, 2**63, 1.0, 1.5, "", "x", "12", "9007199254740993", "1e5",
    "2013-01-31", "2013-02-30", "23:59:59", "2013-01-31T23:59:59", "2013-01-31T23:59:59Z", "ASC", "UP", "CARRIER",
    "6f1c3e2a-0d7b-4a51-9e55-2f6d9f8f0c11", "AAE=", [], ["x"], [None], {}, [[1]],
]  # fmt: skip
TYPES = {
    "FlightWhere": [
        "carrier",
        "depDelay",
        "id",
        "fare",
        "isLate",
        "day",
        "timeHour",
        "plane",
        "bookings",
        "and",
        "not",
    ],
    "StringWhere": ["eq", "in", "contains", "isNull"],
    "PlaneWhere": ["model", "or"],
    "[FlightOrderBy!]": ["id", "fare"],
    "FlightGroupBy": ["column", "truncate"],
}
PLAIN = [
    "Int",
    "Int!",
    "Float",
    "String!",
    "Boolean",
    "ID",
    "BigInt",
    "Decimal",
    "Date",
    "Timestamp",
    "[Int!]",
    "[[Int]]",
    "SortOrder",
]


def _value(dice: random.Random, depth: int) -> object:
    if depth and dice.random() < 0.7:
        names = ["eq", "in", "isNull", "or", "and", *TYPES["FlightWhere"], "column", "truncate"]
        made = {name: _value(dice, depth - 1) for name in dice.sample(names, dice.randint(0, 2))}
        return [made] if dice.random() < 0.3 else made
    return dice.choice(SCALARS)


@pytest.mark.parametrize("type_", [*TYPES, *PLAIN])
def test_coercion_agrees_with_graphql_core(type_: str) -> None:
    dice = random.Random(type_)
    document = parse(f"query ($v: {type_}) {{ __typename }}")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    cases = [*SCALARS, *(_value(dice, 3) for _ in range(ROUNDS))]
    accepted = 0
    for value in cases:
        try:
            wanted = get_variable_values(VIEW.schema, operation.variable_definitions or (), {"v": value})
            expected = None if isinstance(wanted, list) else wanted.coerced
        except GraphQLError:
            expected = None
        try:
            got: object = coerce(operation, VIEW, Limits(), {"v": value})
        except (Refusal, Refusals):
            got = None
        assert got == expected, value
        accepted += got is not None
    assert 0 < accepted < len(cases)

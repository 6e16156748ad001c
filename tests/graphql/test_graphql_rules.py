"""`rules.Together` says what graphql-core says with the same rules, in the same order."""

from __future__ import annotations

import pytest
from graphql import parse, validate
from graphql.language.visitor import QUERY_DOCUMENT_KEYS
from graphql.utilities import TypeInfo
from graphql.validation import ValidationContext

from resolvers.frontends.graphql.rules import RULES, Together
from schema.graphql import build
from tests.graphql.asking import CATALOG, VISIBLE
from tests.graphql.catalog import ZONE

VIEW = build(CATALOG, ZONE).view(VISIBLE)
WRONG = [
    "{ flights(first: 1) { nodes { id } } }",
    "{ flights { nodes } }",
    "{ flights { nodes { id { x } } nodes { id } } }",
    "query Q($a: Int, $a: Int) { flights(first: $b) { nodes { id } } }",
    "query Q($a: String) { flights(first: $a, first: 2) { nodes { id } } }",
    "{ flights(first: \"x\") { nodes { id @include @skip(if: 1) @nope } } }",
    "query A { flights { nodes { ...F } } } query A { flights { nodes { ...G } } }",
    "fragment F on Flight { id } fragment F on Plane { model } { flights { nodes { ...F ...H } } }",
    "{ flights { nodes { ... on Plane { model } ... on Query { __typename } } } }",
    "{ flights(where: {id: {gt: null}, carrier: {eq: 1}, carrier: {eq: \"a\"}}) { nodes { id } } }",
    "{ flights(where: [1, {x: 2}], orderBy: [{id: UP}]) { nodes { id } } }",
    "subscription S { a b } query Q { flights { nodes { id } } }",
    "{ a: flights(first: $x) @skip(if: true) @skip(if: false) { nodes { id } } b: __schema { types { fields { type { "
    "fields { type { fields { type { fields { name } } } } } } } } } }",
    "query Q($w: Nope!, $v: Flight) { flights { nodes { id } } }",
    "query Q($n: Int = \"x\") { flights(first: $n) { nodes { id } } }",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_as_graphql_core(text: str) -> None:
    document = parse(text)
    ours = validate(VIEW.schema, document, [Together], hide_suggestions=True)
    theirs = validate(VIEW.schema, document, RULES, hide_suggestions=True)
    assert [error.formatted for error in ours] == [error.formatted for error in theirs]


def test_the_cases_break_most_rules() -> None:
    broken = {
        rule for rule in RULES for text in WRONG if validate(VIEW.schema, parse(text), [rule], hide_suggestions=True)
    }
    assert len(broken) >= 19


@pytest.mark.parametrize("kind", sorted(QUERY_DOCUMENT_KEYS))
def test_no_method_of_a_rule_is_missed(kind: str) -> None:
    context = ValidationContext(VIEW.schema, parse("{ __typename }"), TypeInfo(VIEW.schema), lambda error: None)
    wanted = [rule(context).get_enter_leave_for_kind(kind) for rule in RULES]
    found = Together(context).get_enter_leave_for_kind(kind)
    assert bool(found.enter) is any(pair.enter for pair in wanted)
    assert bool(found.leave) or not any(pair.leave for pair in wanted)

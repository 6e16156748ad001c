# ruff: noqa: E501 - each pair of texts stands in one place
"""A text whose literals differ is the same document with other values, and means what the exact text means.

Each case is asked exactly (literals in the text) and in the short way (one spelling, literals as values), and the two
queries must be equal once their binds are resolved. Texts that must not share a spelling are shown not to.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from sqlglot import exp

from resolvers.bind import reach
from resolvers.frontends.graphql.frontend import GraphQLFrontEnd, Inlined
from resolvers.frontends.graphql.literals import spell
from schema.query import LogicalQuery, blocks_of
from tests.graphql.asking import VISIBLE, front_end, opener

SHARED = [
    ('{ planes(where: {seats: {eq: 2}}) { nodes { model } } }', '{ planes(where: {seats: {eq: 7}}) { nodes { model } } }'),
    ('{ planes(where: {seats: {in: [2, 7]}}) { nodes { model } } }', '{ planes(where: {seats: {in: [3]}}) { nodes { model } } }'),
    ('{ planes(where: {seats: {in: 2}}) { nodes { model } } }', '{ planes(where: {seats: {in: 5}}) { nodes { model } } }'),
    ('{ planes(where: {model: {contains: "a"}}) { nodes { model } } }', '{ planes(where: {model: {contains: "ö%_"}}) { nodes { model } } }'),
    ('{ planes(where: {or: [{seats: {gt: 1}}, {seats: {lt: -3}}]}) { nodes { model } } }',
     '{ planes(where: {or: [{seats: {gt: 9}}, {seats: {lt: -1}}]}) { nodes { model } } }'),
    ('query Q($s: Int!) { planes(where: {seats: {gt: $s}, model: {eq: "x"}}) { nodes { model } } }',
     'query Q($s: Int!) { planes(where: {seats: {gt: $s}, model: {eq: "y"}}) { nodes { model } } }'),
    ('{ planes { nodes { model flights(where: {carrier: {eq: "UA"}}) { nodes { carrier } } } } }',
     '{ planes { nodes { model flights(where: {carrier: {eq: "DL"}}) { nodes { carrier } } } } }'),
    ('{ planes(offset: 5) { nodes { model } } }', '{ planes(offset: 9) { nodes { model } } }'),
    ('{ ...P } fragment P on Query { planes(where: {seats: {eq: 1}}) { nodes { model } } }',
     '{ ...P } fragment P on Query { planes(where: {seats: {eq: 2}}) { nodes { model } } }'),
]  # fmt: skip
"""Pairs that are one spelling."""

APART = [
    ("{ planes(first: 5) { nodes { model } } }", "{ planes(first: 6) { nodes { model } } }"),
    ("{ planes(offset: 0) { nodes { model } } }", "{ planes(offset: 1) { nodes { model } } }"),
    ("{ planes(where: {seats: {eq: 2}}) { nodes { model } } }", '{ planes(where: {seats: {eq: "2"}}) { nodes { model } } }'),
    ("{ planes(where: {seats: {eq: 2}}) { nodes { model } } }", "{ planes(where: {seats: {eq: 2.0}}) { nodes { model } } }"),
    ("{ planes(where: {seats: {isNull: true}}) { nodes { model } } }",
     "{ planes(where: {seats: {isNull: false}}) { nodes { model } } }"),
]  # fmt: skip
"""Pairs that must not be: page sizes and zero offsets shape the query, and kinds of literals differ."""

UNSURE = [
    '{ planes(where: {model: {eq: "a\\"b"}}) { nodes { model } } }',
    '{ planes(where: {model: {eq: """a"""}}) { nodes { model } } }',
    "{ planes(where: {seats: {eq: 2}}) { nodes { model } } } # 5",
    "{ planes(where: {seats: {eq: \x012}}) { nodes { model } } }",
    "{ planes(where: {seats: {in: [" + ", ".join(str(n) for n in range(200)) + "]}}) { nodes { model } } }",
    "{ planes(where: {seats: {eq: " + "1" * 30 + "}}) { nodes { model } } }",
]


def resolved(query: LogicalQuery, values: Mapping[str, object]) -> tuple[object, ...]:
    """A query with its binds' values in place: what it means, whatever its slots are called."""
    found: list[object] = [query.shape]
    for block in blocks_of(query.blocks):
        select = block.select.copy()
        for node in list(select.find_all(exp.Placeholder)):
            slot = query.slots[node.name]
            value = slot.value if slot.origin == "constant" else reach(values, slot.path)
            value = tuple(value) if isinstance(value, list) else value
            node.replace(exp.Var(this=f"{slot.type}:{slot.many}:{slot.transform}:{value!r}"))
        found.append((block.name, block.product, block.one, block.probe, select.sql()))
    return tuple(found)


def meaning(frontend: GraphQLFrontEnd, text: str, exactly: bool) -> tuple[object, ...]:
    document = frontend.read(text, None, VISIBLE, exactly=exactly)
    values = document.coerce({"s": 4} if "$s" in text else {})
    document.signature(values, opener)
    return resolved(frontend.compile(document, values, opener), values)


@pytest.mark.parametrize(("one", "other"), SHARED)
def test_the_same_document_with_other_values(one: str, other: str) -> None:
    frontend = front_end()
    first = frontend.read(one, None, VISIBLE)
    second = frontend.known(other, None, VISIBLE)
    assert isinstance(first, Inlined)
    assert isinstance(second, Inlined), "a text that differs in literals alone is known"
    assert first.key == second.key
    for text in (one, other):
        assert meaning(frontend, text, exactly=False) == meaning(frontend, text, exactly=True)
    assert meaning(frontend, one, exactly=False) != meaning(frontend, other, exactly=False)


@pytest.mark.parametrize(("one", "other"), APART)
def test_different_documents(one: str, other: str) -> None:
    first, second = spell(one), spell(other)
    assert (first.text if first else one) != (second.text if second else other)


@pytest.mark.parametrize("text", UNSURE)
def test_what_is_not_sure_stays_in_the_text(text: str) -> None:
    assert spell(text) is None


def test_fields_that_merge_are_not_shared() -> None:
    """They may be merged while their arguments are the same, and only then."""
    same = "{ a: planes(where: {seats: {eq: 2}}) { nodes { model } } a: planes(where: {seats: {eq: 2}}) { nodes { seats } } }"
    frontend = front_end()
    assert not isinstance(frontend.read(same, None, VISIBLE), Inlined)
    assert frontend.known(same.replace("2", "3", 1), None, VISIBLE) is None


@pytest.mark.parametrize(
    "text",
    [
        "query Q($s: Int = 5) { planes(where: {seats: {eq: $s}}) { nodes { model } } }",
        "{ planes(where: {seats: {eq: 2}}) { nodes { model @include(if: true) } } }",
    ],
)
def test_defaults_and_directives(text: str) -> None:
    """A literal that is not a field's argument stays where it is; one that is, is a value all the same."""
    assert meaning(front_end(), text, exactly=False) == meaning(front_end(), text, exactly=True)


def test_the_caller_s_names_are_part_of_what_is_kept() -> None:
    """What one caller's text left behind is not there for a caller who knows other names."""
    from dataclasses import replace

    frontend = front_end()
    text = "{ planes(where: {seats: {eq: 2}}) { nodes { model } } }"
    frontend.read(text, None, VISIBLE)
    assert frontend.known(text, None, VISIBLE) is not None
    assert frontend.known(text, None, replace(VISIBLE, digest="another")) is None

"""Operations to logical queries: operations/*.graphql beside their goldens. `make goldens` rewrites them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from policies.allow import check_select
from schema.query import blocks_of
from tests.graphql.asking import VISIBLE, ask, front_end, opener
from tests.graphql.written import written

CASES = sorted((Path(__file__).parent / "operations").glob("*.graphql"))
UPDATE = os.environ.get("CUSTOMHOUSE_GOLDENS") == "write"


def _variables(text: str) -> dict[str, object]:
    found = re.search(r"^# variables: (.*)$", text, re.MULTILINE)
    return json.loads(found[1]) if found else {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_compiles_to_its_golden(case: Path) -> None:
    text = case.read_text()
    query = ask(front_end(), text, _variables(text))
    got, golden = written(query), case.with_suffix(".golden")
    if UPDATE:
        golden.write_text(got)
    assert got == golden.read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_keeps_to_the_form_the_gate_takes(case: Path) -> None:
    text = case.read_text()
    query = ask(front_end(), text, _variables(text))
    blocks = blocks_of(query.blocks)
    for block in blocks:
        check_select(block.select, query.slots)
        assert len(block.select.expressions) == len(block.outputs)
    assert len({block.name for block in blocks}) == len(blocks)
    assert all(name == slot.name for name, slot in query.slots.items())


def test_no_text_of_the_caller_stands_in_a_statement() -> None:
    query = ask(front_end(), '{ flights(where: {carrier: {eq: "canary"}}, after: "[\\"canary\\"]") { nodes { id } } }')
    assert "canary" not in query.blocks[0].select.sql()
    assert {"canary", '["canary"]'} <= {slot.value for slot in query.slots.values()}


SAME_SHAPE = [
    ('{"w": {"carrier": {"eq": "UA"}}}', '{"w": {"carrier": {"eq": "DL"}}}', True),
    ('{"w": {"carrier": {"in": ["UA"]}}}', '{"w": {"carrier": {"in": ["DL", "AA"]}}}', True),
    ('{"w": {"carrier": {"eq": "UA"}}}', '{"w": {"carrier": {"ne": "UA"}}}', False),
    ('{"w": {"isLate": {"eq": true}}}', '{"w": {"isLate": {"eq": false}}}', False),
    ('{"w": {"or": [{}]}}', '{"w": {"or": [{}, {}]}}', False),
    ('{"w": {"carrier": {"eq": "a"}, "id": {"eq": 1}}}', '{"w": {"id": {"eq": 2}, "carrier": {"eq": "b"}}}', True),
    ('{"w": null}', "{}", False),
    ('{"n": 3}', '{"n": 4}', True),
    ('{"n": 3}', '{"n": null}', False),
    ('{"o": [{"fare": "ASC"}]}', '{"o": [{"fare": "DESC"}]}', False),
    ('{"c": "[\\"7\\"]"}', '{"c": "[\\"8\\"]"}', True),
    ('{"c": "[\\"1\\", \\"7\\"]", "o": [{"fare": "ASC"}]}', '{"c": "[null, \\"7\\"]", "o": [{"fare": "ASC"}]}', False),
    ('{"id": "[\\"operations.flights\\", \\"7\\"]"}', '{"id": "[\\"operations.flights\\", \\"8\\"]"}', True),
    ('{"id": "[\\"operations.flights\\", \\"7\\"]"}', '{"id": "[\\"operations.planes\\", \\"8\\"]"}', False),
    ('{"id": "[\\"operations.flights\\", \\"7\\"]"}', '{"id": "nonsense"}', False),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "same"), SAME_SHAPE)
def test_the_signature_holds_what_decides_the_query_and_nothing_else(one: str, other: str, same: bool) -> None:
    text = """query ($w: FlightWhere, $o: [FlightOrderBy!], $n: Int, $c: String, $id: ID = "x") {
      flights(where: $w, orderBy: $o, first: $n, after: $c) { nodes { id } } node(id: $id) { nodeId }
    }"""
    frontend = front_end()
    document = frontend.read(text, None, VISIBLE)
    values = [document.coerce(json.loads(variables)) for variables in (one, other)]
    signatures = [document.signature(value, opener) for value in values]
    queries = [frontend.compile(document, value, opener) for value in values]
    assert (signatures[0] == signatures[1]) is same
    assert (queries[0].digest == queries[1].digest) is same
    if same:
        assert _without_constants(written(queries[0])) == _without_constants(written(queries[1]))


def _without_constants(text: str) -> str:
    return re.sub(r"(constant|node|cursor) '.*?'", r"\1", text)

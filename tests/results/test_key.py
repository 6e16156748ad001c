"""A key is shared by what is the same in everything, and by nothing else: a cache that mixed two of these would give
one caller another's rows."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.backends.dialect import Statement
from resolvers.results.kept import Kept
from resolvers.results.key import Origin, Secrets, Unkeyed, canonical
from resolvers.results.results import Results
from schema.query import Slot
from schema.types import STRING, parse_type

KEYS = {"seal": bytes(range(64))}
ORIGIN = Origin("internal", "c1", "p1", "db", "reader@db", "SELECT 1 WHERE a = $1", False)
OTHERS = {
    "zone": replace(ORIGIN, zone="partner"),
    "catalog version": replace(ORIGIN, catalog="c2"),
    "policies version": replace(ORIGIN, policies="p2"),
    "source": replace(ORIGIN, source="warehouse"),
    "source identity": replace(ORIGIN, identity="writer@db"),
    "statement": replace(ORIGIN, statement="SELECT 2 WHERE a = $1"),
    "document": replace(ORIGIN, document=True),
    "params": replace(ORIGIN, params=("date False None",)),
    "versions swapped": replace(ORIGIN, catalog="p1", policies="c1"),
    "a letter moved": replace(ORIGIN, source="d", identity="breader@db"),
}
GOLDEN = "c188bcb03cc432ac518629a20330accdb108201e47fb9ec76df6900276c1a2f8"
BINDS: list[object] = [
    [], [None], [[]], [[None]], ["UA"], ["DL"], [["UA"]], [["UA", "DL"]], [["UADL"]], ["UA", "DL"], ["UADL"],
    [["DL", "UA"]],
    [1], [True], ["1"], [1.0], [b"1"], [0], [False], ["0"], [0.0], [-0.0], [b"0"], [""], [b""], ["None"], ["true"],
    [-1], [10], [16], ["i1;"], [1, 1], [11], [math.nan], [math.inf], [-math.inf], [2**63 - 1], [float(2**53)], [2**53],
    ["s1:a"], ["a", ""], ["", "a"], [["a"], "b"], [["a", "b"]], ["a", ["b"]], ["é"], ["e\u0301"], ["\ud800"], ["a\0b"],
    ["2013-01-31"], ["'; --"],
]  # fmt: skip

neutral = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inside: st.lists(inside, max_size=4),
    max_leaves=12,
)


def same(one: object, other: object) -> bool:
    """Equal in kind and value; 0.0 and -0.0 are not."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)


def key(origin: Origin = ORIGIN, binds: object = ("UA",), keys: dict[str, bytes] = KEYS) -> bytes:
    found = Secrets.derived(origin.zone, keys).statement(origin).of(binds)  # type: ignore[arg-type]
    assert found is not None and len(found) == 32
    return found


def test_the_same_has_the_same_key() -> None:
    assert key() == key() == key(replace(ORIGIN), ["UA"])


@pytest.mark.parametrize("other", OTHERS)
def test_another_origin_has_another_key(other: str) -> None:
    assert key(OTHERS[other]) != key()


def test_a_planned_statement_is_told_by_text_form_and_types() -> None:
    text, date = Slot("a", STRING, "claim", path=("a",)), Slot("a", parse_type("date"), "claim", path=("a",))
    many, escaped = replace(text, many=True), replace(text, transform="like_contains")
    found = {
        key(Origin.of("z", "c", "p", "db", "i", Statement("SELECT $1", (slot,), document)))
        for slot in (text, date, many, escaped)
        for document in (False, True)
    }
    assert len(found) == 8
    other = replace(text, name="b", path=("b",))  # what a slot is named decides nothing
    made = [Origin.of("z", "c", "p", "db", "i", Statement("SELECT $1", (slot,))) for slot in (text, other)]
    assert made[0] == made[1]


def test_all_origins_and_binds_differ_from_each_other() -> None:
    found = {key(origin, binds) for origin in (ORIGIN, *OTHERS.values()) for binds in BINDS}
    assert len(found) == (1 + len(OTHERS)) * len(BINDS)


@given(neutral, neutral)
def test_two_structures_have_the_same_bytes_only_if_they_are_the_same(one: object, other: object) -> None:
    assert (canonical(one) == canonical(other)) == same(one, other)


@given(st.lists(neutral, max_size=3), st.lists(neutral, max_size=3))
def test_no_structure_begins_another(one: list[object], other: list[object]) -> None:
    """So that what is hashed first (statement, versions) and what follows (binds) cannot flow into each other."""
    written, longer = canonical(one), canonical(other)
    assert same(one, other) or not longer.startswith(written)


@pytest.mark.parametrize("value", [date(2013, 1, 1), Decimal("1.0"), {"a": 1}, {1}, object(), bytearray(b"x")])
def test_an_unknown_kind_has_no_key(value: object) -> None:
    statement = Secrets.derived("internal", KEYS).statement(ORIGIN)
    assert statement.of([value]) is None and statement.of(["a", [value]]) is None
    with pytest.raises(Unkeyed):
        canonical(value)


def test_subclasses_are_unknown_kinds() -> None:
    """Their equality may be another than what is written of them."""

    class Text(str):
        __slots__ = ()

    assert Secrets.derived("internal", KEYS).statement(ORIGIN).of([Text("a")]) is None


def test_nobody_without_the_zones_key_can_make_it() -> None:
    other = {"seal": bytes(64)}
    assert key(keys=other) != key()
    assert Secrets.derived("internal", KEYS) != Secrets.derived("partner", KEYS)
    assert Secrets.derived("internal", KEYS) != Secrets.derived("internal", other)
    made = Secrets.derived("internal", KEYS)
    assert made.key != made.seal and KEYS["seal"][:32] not in (made.key, made.seal)
    assert KEYS["seal"] not in repr(made).encode()


def test_a_key_does_not_change_between_runs() -> None:
    """Processes of one version share entries: a change of this value needs another FORMAT."""
    assert key().hex() == GOLDEN


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(st.lists(plain, max_size=3), st.lists(plain, max_size=3))
def test_fetches_under_way_share_a_key_where_results_do(one: list[object], other: list[object]) -> None:
    statement = Secrets.derived("internal", KEYS).statement(ORIGIN, plain=True)
    assert (statement.under_way(one) == statement.under_way(other)) == (statement.of(one) == statement.of(other))


@pytest.mark.parametrize("value", [b"x", 2**64, "\ud800", [b"x"]], ids=repr)
def test_what_json_cannot_write_has_the_key_of_its_result(value: object) -> None:
    statement = Secrets.derived("internal", KEYS).statement(ORIGIN, plain=True)
    assert statement.under_way([value]) == statement.of([value]) is not None


def test_where_floats_are_bound_the_key_is_that_of_the_result() -> None:
    """JSON writes NaN as null."""
    statement = Secrets.derived("internal", KEYS).statement(ORIGIN)
    found = {statement.under_way([value]) for value in (float("nan"), None, 0.0, -0.0, 0)}
    assert len(found) == 5


@pytest.mark.parametrize(("type_", "plain"), [("float", False), ("integer", True), ("string", True)])
def test_floats_make_a_statement_not_plain(type_: str, plain: bool) -> None:
    statement = Statement("SELECT 1", (Slot("a", STRING, "constant"), Slot("b", parse_type(type_), "claim", many=True)))
    kept = Kept(Results("internal", KEYS), {"db": "db"})
    assert (kept.key("internal", ("c", "p"), "db", statement).plain is not None) is plain

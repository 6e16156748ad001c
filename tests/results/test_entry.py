"""What is kept comes back as it was, and weighs at least what it holds."""

from __future__ import annotations

import os
from datetime import date
from decimal import Decimal

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.results.entry import OVERHEAD, Rows, weigh
from resolvers.results.seal import seal, unseal


class Spelt(str):
    """A text of a driver's own kind."""

    __slots__ = ()


SECRET, KEY = os.urandom(32), os.urandom(32)
int64 = st.integers(-(2**63), 2**64 - 1)
scalar = st.none() | st.booleans() | int64 | st.floats(allow_nan=False, allow_infinity=False)
scalar |= st.text(st.characters(exclude_categories=["Cs"]))
parsed = st.recursive(
    scalar, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inside, max_size=3)
)
rows_of = st.lists(st.lists(scalar | parsed, max_size=4).map(tuple), max_size=4)


@given(rows_of)
def test_rows_come_back_as_they_were(rows: Rows) -> None:
    assert weigh(rows, 1 << 30) is not None
    sealed = seal(SECRET, KEY, 1700000000.123456, rows)
    assert sealed is not None
    opened = unseal(SECRET, KEY, sealed)
    assert opened is not None
    began, found = opened
    assert began == 1700000000.123456
    assert repr(found) == repr(rows)  # kinds too: 1 and true and 1.0 differ, and so do a list and a tuple


def test_documents_come_back_byte_for_byte() -> None:
    rows = [('{"a": 1.0, "b":"\\u00e9\\n", "c": [1e400, 12345678901234567890123]}',)]
    sealed = seal(SECRET, KEY, 1.0, rows)
    assert sealed is not None and unseal(SECRET, KEY, sealed) == (1.0, rows)


@pytest.mark.parametrize(
    "value",
    [
        date(2013, 1, 1),
        Decimal(1),
        b"x",
        Spelt("{}"),
        (1, 2),
        [(1, 2)],
        {1: 2},
        {"a": {"b": b"x"}},
        orjson.Fragment("1"),
    ],
    ids=repr,
)
def test_rows_of_other_values_are_not_kept(value: object) -> None:
    assert weigh([(1, value)], 1 << 30) is None


def test_rows_that_are_no_tuples_are_not_kept() -> None:
    assert weigh([[1, 2]], 1 << 30) is None  # type: ignore[list-item]


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, "\ud800"], ids=ascii)
def test_what_json_cannot_hold_is_not_sealed(value: object) -> None:
    assert seal(SECRET, KEY, 1.0, [(value,)]) is None


def test_weight_grows_with_what_is_held() -> None:
    assert (weigh([], 10_000) or 0) >= OVERHEAD
    assert (weigh([("x" * 5000,)], 10_000) or 0) > 5000 + OVERHEAD
    assert (weigh([({"k": ["x" * 2500, "y" * 2500]},)], 10_000) or 0) > 5000 + OVERHEAD
    assert weigh([("x" * 5000,)], 5000) is None
    assert weigh([(1,)] * 1000, 20_000) is None


def test_nothing_but_the_same_key_and_secret_opens_it() -> None:
    rows: Rows = [("canary",)]
    sealed = seal(SECRET, KEY, 1.0, rows) or b""
    assert unseal(SECRET, KEY, sealed) == (1.0, rows)
    assert unseal(os.urandom(32), KEY, sealed) is None
    assert unseal(SECRET, os.urandom(32), sealed) is None
    for at in range(len(sealed)):
        assert unseal(SECRET, KEY, sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]) is None
        assert unseal(SECRET, KEY, sealed[:at]) is None
    assert unseal(SECRET, KEY, sealed + b"\0") is None


@given(st.binary(max_size=200))
def test_garbage_does_not_open(garbage: bytes) -> None:
    assert unseal(SECRET, KEY, garbage) is None


def test_lengths_and_repetitions_tell_little() -> None:
    sealed = [seal(SECRET, KEY, 1.0, [("x" * length,)]) or b"" for length in (1, 2, 50, 200)]
    assert len({len(one) for one in sealed}) == 1
    assert seal(SECRET, KEY, 1.0, [("x",)]) != seal(SECRET, KEY, 1.0, [("x",)])

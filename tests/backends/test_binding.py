"""What a slot's value becomes before an engine sees it, and how marks are spelt for a driver."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from resolvers.backends.binding import EMPTY, expand, prepare, values
from resolvers.backends.dialect import Statement
from resolvers.backends.regex import portable
from schema.errors import Refusal
from schema.query import Slot
from schema.types import BIGINT, STRING, Kind, Type, parse_type


@pytest.mark.parametrize(
    ("type_", "value", "want"),
    [
        ("boolean", True, True),
        ("integer", 5, 5),
        ("bigint", "9223372036854775807", 9223372036854775807),
        ("bigint", Decimal("-3"), -3),
        ("float", 3, 3.0),
        ("float", Decimal("0.5"), 0.5),
        ("decimal", Decimal("1E+3"), "1000"),
        ("decimal", 0.1, "0.1"),
        ("decimal", "12.50", "12.50"),
        ("date", date(2013, 1, 31), "2013-01-31"),
        ("date", datetime(2013, 1, 31, 5), "2013-01-31"),
        ("time", time(5, 6), "05:06:00"),
        ("time", "05:06:07.5", "05:06:07.500000"),
        ("datetime", "2013-01-31T05:00:00", "2013-01-31 05:00:00"),
        ("timestamp", "2013-01-31T05:00:00Z", "2013-01-31 05:00:00"),
        ("timestamp", "2013-01-31T05:00:00.25+02:00", "2013-01-31 03:00:00.250000"),
        ("timestamp", datetime(2013, 1, 31, tzinfo=timezone(timedelta(hours=-1))), "2013-01-31 01:00:00"),
        ("timestamp", datetime(2013, 1, 31, tzinfo=UTC), "2013-01-31 00:00:00"),
        ("timestamp", date(2013, 1, 31), "2013-01-31 00:00:00"),
        ("uuid", UUID("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("bytes", "AP8Q", b"\x00\xff\x10"),
        ("bytes", b"\x00", b"\x00"),
        ("json", {"a": [1, None]}, '{"a":[1,null]}'),
        ("string", "é", "é"),
        ("string", None, None),
    ],
)
def test_neutral_values(type_: str, value: object, want: object) -> None:
    found = prepare(Slot("v", parse_type(type_), "constant"), value)
    assert (found, type(found)) == (want, type(want))


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("boolean", 1),
        ("boolean", "true"),
        ("integer", True),
        ("integer", 1.5),
        ("integer", "x"),
        ("bigint", 2**63),
        ("decimal", "NaN"),
        ("decimal", "1e9999"),
        ("float", True),
        ("float", "x"),
        ("date", "2013-02-30"),
        ("timestamp", "yesterday"),
        ("bytes", "not base64!"),
        ("string", "a\x00b"),
        ("string", "\ud800"),
    ],
)
def test_what_does_not_fit_is_refused_without_repeating_it(type_: str, value: object) -> None:
    with pytest.raises(Refusal) as refused:
        prepare(Slot("v", parse_type(type_), "constant"), value)
    assert (refused.value.code, refused.value.status) == ("CH504", 400)
    assert repr(value) not in refused.value.message


@pytest.mark.parametrize(
    ("transform", "value", "want"),
    [
        ("like_contains", "50%_\\", "%50\\%\\_\\\\%"),
        ("like_starts", "a", "a%"),
        ("like_ends", "a", "%a"),
        ("like_ends", None, None),
        ("regex", "\\d[\\w-]\\S$", "[0-9][A-Za-z0-9_-][^ \\t\\n\\r\\f\\v]$"),
        ("regex_perl", "[$]\\$$", "[$]\\$\\z"),
    ],
)
def test_transforms(transform: str, value: object, want: object) -> None:
    assert prepare(Slot("v", STRING, "constant", transform=transform), value) == want


@pytest.mark.parametrize("key", [b"k", b"x" * 64, b"y" * 65])
def test_hmac_pads(key: bytes) -> None:
    slot = Slot("secret:hash", Type(Kind.BYTES), "secret", transform="hmac_ipad")
    inner = prepare(slot, key)
    outer = prepare(Slot("secret:hash", Type(Kind.BYTES), "secret", transform="hmac_opad"), key)
    assert isinstance(inner, bytes) and isinstance(outer, bytes)
    found = hashlib.sha256(outer + hashlib.sha256(inner + b"text").digest()).hexdigest()
    assert found == hmac.new(key, b"text", hashlib.sha256).hexdigest()


def test_lists() -> None:
    slot = Slot("l", BIGINT, "claim", many=True)
    assert prepare(slot, None) == []
    assert prepare(slot, ("1", 2, None)) == [1, 2, None]
    assert prepare(slot, 3) == [3]


def test_values_come_in_the_order_of_the_parameters() -> None:
    params = (Slot("b", STRING, "constant", value="x"), Slot("a", BIGINT, "constant", value="1"))
    assert values(Statement("", params), lambda slot: slot.value) == ["x", 1]


_MARKED = Statement(
    "SELECT '%' WHERE a = /*bind:0*/ AND b IN (/*list:1*/)",
    (Slot("a", STRING, "constant"), Slot("b", STRING, "constant", many=True)),
)


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("named", "SELECT '%' WHERE a = :p0 AND b IN (:p1_0, :p1_1, :p1_2, :p1_3)"),
        ("pyformat", "SELECT '%%' WHERE a = %(p0)s AND b IN (%(p1_0)s, %(p1_1)s, %(p1_2)s, %(p1_3)s)"),
        ("qmark", "SELECT '%' WHERE a = ? AND b IN (?, ?, ?, ?)"),
        ("format", "SELECT '%%' WHERE a = %s AND b IN (%s, %s, %s, %s)"),
        ("numeric", "SELECT '%' WHERE a = :1 AND b IN (:2, :3, :4, :5)"),
    ],
)
def test_marks_are_spelt_for_the_driver(style: str, text: str) -> None:
    found = expand(_MARKED, ["x", ["a", "b", "c"]], style)
    assert found.text == text
    given = found.positional if found.named is None else tuple(found.named.values())
    assert given == ("x", "a", "b", "c", "c")


@pytest.mark.parametrize(("length", "padded"), [(1, 1), (2, 2), (5, 8), (1000, 1024), (1025, 2048), (2049, 3072)])
def test_few_lengths_exist(length: int, padded: int) -> None:
    assert expand(_MARKED, ["x", list(range(length))], "qmark").text.count("?") == padded + 1


def test_an_empty_list_is_a_select_without_rows() -> None:
    assert expand(_MARKED, ["x", []], "named").text.endswith(f"IN ({EMPTY})")


def test_patterns_keep_what_they_do_not_know() -> None:
    assert portable("[^]\\d]\\.(?:a|b){2}[]]") == "[^]0-9]\\.(?:a|b){2}[]]"

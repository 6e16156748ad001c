"""Values that sources send, where they fit no type: `from_json` and `from_text` raise ValueError and nothing else."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from resolvers.backends.keyed.values import from_json, from_text, to_text
from schema.types import parse_type

TYPES = (
    "integer", "bigint", "decimal(38,4)", "float", "boolean", "string", "date", "time", "timestamp", "datetime", "uuid",
    "bytes", "array<integer>", "array<timestamp>", "json",
)  # fmt: skip
UNFIT: list[tuple[str, object]] = [
    ("integer", math.inf),
    ("bigint", -math.inf),
    ("bigint", math.nan),
    ("bigint", 1e300),
    ("bigint", Decimal("Infinity")),
    ("bigint", Decimal("sNaN")),
    ("bigint", Decimal("1E+999999")),
    ("bigint", 1.5),
    ("timestamp", math.inf),
    ("timestamp", 1e300),
    ("timestamp", 1e12),
    ("datetime", -1e12),
    ("timestamp", 10**400),
    ("array<timestamp>", [0, 1e300]),
    ("decimal(9,2)", math.inf),
    ("float", Decimal("sNaN")),
    ("boolean", Decimal("sNaN")),
    ("bytes", "?"),
    ("bytes", "AP8"),
    ("bytes", "AP8=\n"),
    ("bytes", "ü"),
]


@pytest.mark.parametrize(("type_", "value"), UNFIT, ids=repr)
def test_what_is_none_of_its_type(type_: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"a value is not of the type {re.escape(type_)}$"):
        from_json(value, parse_type(type_))


@pytest.mark.parametrize(
    ("type_", "value", "wanted"),
    [
        ("bigint", 3.0, 3),
        ("bigint", Decimal("3.000"), 3),
        ("timestamp", 0, datetime(1970, 1, 1, tzinfo=UTC)),
        ("bytes", "AP8=", b"\x00\xff"),
        ("bytes", "", None),
    ],
)
def test_what_is(type_: str, value: object, wanted: object) -> None:
    assert from_json(value, parse_type(type_)) == wanted


_ANY = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.decimals() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize("type_", TYPES)
@given(value=_ANY)
def test_any_value_is_read_or_refused(type_: str, value: object) -> None:
    for read in (from_json, lambda value, type_: from_text(str(value), type_)):
        try:
            read(value, parse_type(type_))
        except ValueError:
            continue


def test_an_instant_beyond_the_calendar() -> None:
    """In UTC it would be of the year 10000."""
    with pytest.raises(ValueError, match="beyond the calendar"):
        to_text(datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))))

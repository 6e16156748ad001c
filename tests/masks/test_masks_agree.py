"""For random values, every mask gives the same from Python and from SQL on DuckDB, and never raises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.masks import mask_words, parse_mask
from schema.types import Type, parse_type
from tests.masks.cells import KEYS, wire
from tests.masks.engines import DuckDB

Values = st.SearchStrategy[object]

plain_text = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=40)
addresses = st.builds(
    lambda name, domain, rest: name + "@" + domain + rest,
    st.text(alphabet="ab.@+' é", max_size=5),
    st.text(alphabet="ab.-é@", max_size=6),
    st.sampled_from(["", ".org", "\n", " ", ".co.uk", ">"]),
)
networks = (
    st.ip_addresses().map(str)
    | st.ip_addresses(v=6).map(lambda address: address.exploded)
    | st.lists(st.sampled_from(["", "0", "00ff", "AB", "1", "256", "g"]), min_size=1, max_size=9).map(":".join)
    | st.lists(st.integers(-1, 300).map(str), min_size=3, max_size=5).map(".".join)
)
texts = plain_text | addresses | networks | st.sampled_from(["UA", "ua", "DL ", "'", "\\", "\\'", "%", "$1", "a-b-c"])
integers = st.integers(-(2**31), 2**31 - 1) | st.integers(-1000, 1000)
bigints = st.integers(-(2**63), 2**63 - 1) | st.integers(-1000, 1000)
floats = st.floats() | st.floats(-1000, 1000) | st.integers(-1000, 1000).map(lambda n: n / 8)


def decimals(precision: int, scale: int) -> Values:
    edge = 10**precision - 1
    units = st.integers(-edge, edge) | st.integers(-5000, 5000)
    return units.map(lambda n: Decimal((int(n < 0), tuple(map(int, str(abs(n)))), -scale)))


VALUES: dict[str, Values] = {
    "string": texts,
    "integer": integers,
    "bigint": bigints,
    "float": floats,
    "decimal(12,2)": decimals(12, 2),
    "decimal(38,6)": decimals(38, 6),
    "boolean": st.booleans(),
    "date": st.dates(),
    "time": st.times(),
    "datetime": st.datetimes(),
    "timestamp": st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)),
    "uuid": st.uuids(),
}
MASKS: list[tuple[object, str]] = [
    *((word, type_) for word in ("null", "default") for type_ in VALUES),
    ({"constant": "x'\\"}, "string"),
    ("redact", "string"),
    ({"partial": {"last": 4}}, "string"),
    ({"partial": {"first": 2, "last": 1, "fill": "é"}}, "string"),
    ("email", "string"),
    ({"hash": {"length": 32}}, "string"),
    ("hash", "uuid"),
    ("hash", "bigint"),
    ("token", "string"),
    ({"bucket": 100}, "integer"),
    ({"bucket": 7}, "bigint"),
    ({"bucket": 0.25}, "decimal(12,2)"),
    ({"bucket": 3}, "decimal(38,6)"),
    ({"bucket": 0.1}, "float"),
    ({"bucket": 250}, "float"),
    ({"round": -2}, "integer"),
    ({"round": -3}, "bigint"),
    ({"round": 1}, "decimal(12,2)"),
    ({"round": -2}, "decimal(12,2)"),
    ({"round": 5}, "decimal(38,6)"),
    ({"round": 2}, "float"),
    ({"round": -1}, "float"),
    *(({"date": unit}, "date") for unit in ("year", "quarter", "month", "week")),
    *(({"date": unit}, "datetime") for unit in ("year", "quarter", "month", "week", "day")),
    *(({"date": unit}, "timestamp") for unit in ("year", "quarter", "month", "week", "day")),
    *(({"generalize": {"ip": bits}}, "string") for bits in (8, 16, 24)),
    ({"generalize": {"postcode": 3}}, "string"),
    ({"generalize": {"geo": 3}}, "float"),
    ({"generalize": {"map": {"UA": "a", "'": "b", "\\": "c"}, "other": "d"}}, "string"),
    ({"generalize": {"map": {1: 2, -1: 3}}}, "integer"),
    ({"regex": {"pattern": "[^@]+@", "replace": "#"}}, "string"),
    ({"sql": "COALESCE(LEFT(value, 1), '') || '..'"}, "string"),
    ({"sql": "ABS(value)"}, "decimal(38,6)"),
    ({"sql": "CASE WHEN value > 0 THEN value ELSE -value END"}, "decimal(12,2)"),
]
NO_HIDDEN_NULLS = ("bucket", "round", "date", "geo")


def test_every_mask_is_here() -> None:
    assert {spec if isinstance(spec, str) else next(iter(spec)) for spec, _ in MASKS} == set(mask_words())  # type: ignore[call-overload]


@pytest.fixture(scope="module")
def duckdb() -> DuckDB:
    return DuckDB()


@pytest.mark.parametrize("hide", [False, True], ids=["nulls kept", "nulls hidden"])
@pytest.mark.parametrize(("spec", "spelt"), MASKS, ids=lambda part: str(part))
def test_python_and_sql(spec: object, spelt: str, hide: bool, duckdb: DuckDB) -> None:
    if hide and any(word in str(spec) for word in NO_HIDDEN_NULLS):
        return
    type_ = parse_type(spelt)
    mask = parse_mask(spec, type_, hide_nulls=hide)
    run = _compared(
        lambda values: duckdb.answer(mask, type_, values), lambda value: mask.row(value, type_, KEYS), type_
    )
    given(st.lists(st.none() | VALUES[spelt], min_size=30, max_size=30))(run)()


def _compared(
    sql: Callable[[list[object]], list[object]], row: Callable[[object], object], type_: Type
) -> Callable[[list[object]], None]:
    @settings(max_examples=4, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def run(values: list[object]) -> None:
        ours = [wire(row(value), type_) for value in values]
        theirs = sql(values)
        assert list(zip(values, theirs, strict=True)) == list(zip(values, ours, strict=True))

    return run


FOREIGN: list[object] = [
    None, True, 0, -1, 2**80, 1.5, float("nan"), Decimal("NaN"), Decimal("1E+400"), Decimal("-Infinity"), "", "\ud800",
    "a\0b", b"\xff", date.min, datetime.max, datetime.min.replace(tzinfo=UTC), [], {}, object(),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "spelt"), MASKS, ids=lambda part: str(part))
def test_total_on_any_value(spec: object, spelt: str) -> None:
    """A source that sends something else than it declared gets no value shown as it came."""
    type_ = parse_type(spelt)
    mask = parse_mask(spec, type_)
    for value in FOREIGN:
        mask.row(value, type_, KEYS)

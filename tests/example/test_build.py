"""The example's warehouse: the same seed gives the same rows, and everything in it is what it says it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from examples.flights import build

DIGEST = "SELECT md5(string_agg(CAST({table} AS VARCHAR), '|' ORDER BY {order})) FROM {table} WHERE {order} <= {last}"
BOOKINGS_300 = "2985d1432f8d6a65d4896b336a86cae8"


@pytest.fixture(scope="module")
def rows(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def one(rows: duckdb.DuckDBPyConnection, query: str) -> object:
    found = rows.execute(query).fetchone()
    assert found is not None
    return found[0]


def test_all_the_real_data_is_there(rows: duckdb.DuckDBPyConnection) -> None:
    counts = {
        table: one(rows, f"SELECT COUNT(*) FROM {table}") for table in ("flights", "planes", "airlines", "airports")
    }
    assert counts == {"flights": 336_776, "planes": 3_322, "airlines": 16, "airports": 1_458}
    assert one(rows, "SELECT COUNT(*) FROM weather") == 26_115


def test_the_first_flight_is_the_first_scheduled(rows: duckdb.DuckDBPyConnection) -> None:
    first = rows.execute("SELECT carrier, flight, origin, dest, tailnum FROM flights WHERE id = 1").fetchone()
    assert first == ("UA", 1545, "EWR", "IAH", "N14228")


def test_bookings_are_the_same_everywhere_and_at_any_number(rows: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """The digest is written down: another machine, or another DuckDB, that makes other rows is noticed."""
    other = tmp_path / "other.duckdb"
    build.build(other, bookings=300)
    query = DIGEST.format(table="bookings", order="booking_id", last=300)
    with duckdb.connect(str(other), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        assert one(connection, query) == one(rows, query) == BOOKINGS_300


def test_another_seed_gives_other_bookings(rows: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    build.build(other, bookings=300, seed=7)
    query = DIGEST.format(table="bookings", order="booking_id", last=300)
    with duckdb.connect(str(other), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        assert one(connection, query) != one(rows, query)


def test_built_once_and_again_when_something_changed(warehouse: Path) -> None:
    before = warehouse.stat().st_mtime_ns
    assert not build.build(warehouse)
    assert warehouse.stat().st_mtime_ns == before
    assert build.built_from(warehouse) != build.digest_of(3001, build.SEED)


def test_a_file_cut_short_is_built_again(tmp_path: Path) -> None:
    path = tmp_path / "flights.duckdb"
    path.write_bytes(b"half of a database")
    assert build.build(path, bookings=10)
    assert [file.name for file in tmp_path.iterdir()] == ["flights.duckdb"]


def test_every_booking_is_on_a_real_flight_of_its_airline(rows: duckdb.DuckDBPyConnection) -> None:
    joined = "SELECT COUNT(*) FROM bookings b JOIN flights f ON f.id = b.flight_id AND f.carrier = b.carrier"
    assert one(rows, f"{joined} AND b.booked_at < f.time_hour") == build.BOOKINGS


FICTIONAL = {
    "email": r"[a-z.]+[0-9]+@example\.(com|org|net)",
    "phone": r"\+1 (212|416)-555-01\d\d|\+44 7700 900\d{3}|\+49 30 23125 \d{3}|\+33 1 99 00 \d\d \d\d"
    r"|\+353 20 91\d \d{4}|\+46 8 465 004 \d\d|\+61 2 5550 \d{4}",
    "passport": r"UT\d{7}",
    "card_number": r"(411111|424242|555555)\d{10}",
    "fare": r"\d+\.\d\d",
    "region": r"EU|UK|US|CA|AU",
    "cabin": r"economy|premium|business|first",
}


@pytest.mark.parametrize("column", FICTIONAL)
def test_values_come_from_ranges_kept_for_fiction(rows: duckdb.DuckDBPyConnection, column: str) -> None:
    found = rows.execute(
        f"SELECT DISTINCT CAST({column} AS VARCHAR) FROM bookings WHERE {column} IS NOT NULL"
    ).fetchall()
    assert found
    assert [value for (value,) in found if not re.fullmatch(FICTIONAL[column], value)] == []


def luhn(number: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (1 + at % 2) for at, digit in enumerate(reversed(number))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def test_card_numbers_have_right_check_digits(rows: duckdb.DuckDBPyConnection) -> None:
    assert luhn("4242424242424242")
    assert not luhn("4242424242424241")
    assert all(luhn(number) for (number,) in rows.execute("SELECT card_number FROM bookings").fetchall())

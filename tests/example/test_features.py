"""The example's features: what was known of a route or an aircraft as of a day, nothing later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from examples.flights import build

TABLES = ("route_delay_features", "plane_features")
DAY = "make_date(year, month, day)"
NAIVE = f"""
SELECT count(*), avg(arr_delay), avg(CASE WHEN arr_delay >= 15 THEN 1 WHEN arr_delay < 15 THEN 0 END)
FROM flights WHERE {{entity}} AND {DAY} >= DATE '{{first}}' AND {DAY} <= DATE '{{last}}'
"""


@pytest.fixture(scope="module")
def rows(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def digest(rows: duckdb.DuckDBPyConnection, table: str, until: str) -> object:
    """One word for all rows of a table as of a day or before."""
    query = f"SELECT md5(string_agg(CAST({table} AS VARCHAR), '|' ORDER BY {table})) FROM {table} WHERE as_of <= $1"
    found = rows.execute(query, [until]).fetchone()
    assert found is not None
    assert found[0]
    return found[0]


def test_there_is_a_snapshot_of_each_month(rows: duckdb.DuckDBPyConnection) -> None:
    months = [f"2013-{month:02}-01 00:00:00+00" for month in range(2, 13)]
    for table in TABLES:
        found = rows.execute(f"SELECT DISTINCT CAST(as_of AS VARCHAR) FROM {table} ORDER BY 1").fetchall()
        assert [day for (day,) in found] == months


def test_every_flight_that_counts_has_landed(rows: duckdb.DuckDBPyConnection) -> None:
    """From its departure in UTC, its minutes in the air and half an hour on the ground: before the second midnight."""
    found = rows.execute(
        f"SELECT count(*) FROM flights WHERE epoch(time_hour) + 60 * (minute + dep_delay + coalesce(air_time, 0) + 30) "
        f">= epoch(CAST({DAY} + 2 AS TIMESTAMP))"
    ).fetchone()
    assert found == (0,)


@pytest.mark.parametrize("until", ["2013-02-01", "2013-07-01", "2013-12-01"])
def test_what_comes_later_changes_nothing(rows: duckdb.DuckDBPyConnection, warehouse: Path, until: str) -> None:
    """The same script over flights whose later rows are other ones: the snapshots up to that day stay as they are."""
    with duckdb.connect() as other:
        other.execute("SET TimeZone = 'UTC'")
        other.execute(f"ATTACH '{warehouse}' AS real (READ_ONLY)")
        other.execute("CREATE TABLE airports (faa VARCHAR PRIMARY KEY)")
        other.execute("INSERT INTO airports SELECT faa FROM real.airports")
        other.execute("CREATE TABLE planes AS FROM real.planes")
        later = f"{DAY} > DATE '{until}' - 2"
        other.execute(
            f"CREATE TABLE flights AS SELECT * REPLACE (CASE WHEN {later} THEN 999 ELSE arr_delay END AS arr_delay, "
            f"CASE WHEN {later} THEN NULL ELSE dep_time END AS dep_time) FROM real.flights"
        )
        other.execute((build.HERE / "features.sql").read_text(encoding="utf-8"))
        for table in TABLES:
            assert digest(other, table, until) == digest(rows, table, until)
            assert until == "2013-12-01" or digest(other, table, "2013-12-01") != digest(rows, table, "2013-12-01")


@pytest.mark.parametrize(
    ("as_of", "first", "last", "whole"),
    [("2013-02-01", "2013-01-01", "2013-01-30", 300), ("2013-12-01", "2013-10-31", "2013-11-29", 3000)],
)
def test_a_route_by_hand(rows: duckdb.DuckDBPyConnection, as_of: str, first: str, last: str, whole: int) -> None:
    kept = rows.execute(
        "SELECT flights_30d, mean_delay_30d, late_share_30d, flights_365d, mean_delay_365d, late_share_365d "
        "FROM route_delay_features WHERE origin = 'EWR' AND dest = 'IAH' AND as_of = $1",
        [as_of],
    ).fetchone()
    entity = "origin = 'EWR' AND dest = 'IAH'"
    recent = rows.execute(NAIVE.format(entity=entity, first=first, last=last)).fetchone()
    year = rows.execute(NAIVE.format(entity=entity, first="2012-12-01", last=last)).fetchone()
    assert recent is not None
    assert year is not None
    assert kept == recent + year
    assert whole - 300 < year[0] < whole + 700


def test_an_aircraft_by_hand(rows: duckdb.DuckDBPyConnection) -> None:
    kept = rows.execute(
        "SELECT flights_30d, mean_delay_30d, late_share_30d, age_years FROM plane_features "
        "WHERE tailnum = 'N14228' AND as_of = '2013-06-01'"
    ).fetchone()
    by_hand = rows.execute(NAIVE.format(entity="tailnum = 'N14228'", first="2013-05-01", last="2013-05-30")).fetchone()
    assert by_hand is not None
    assert by_hand[0] > 0
    assert kept == (*by_hand, 14)


def test_what_is_not_known_is_null(rows: duckdb.DuckDBPyConnection) -> None:
    """No flight in the window, no mean; no aircraft in the registry, no age."""
    quiet = "SELECT count(*), count(mean_delay_30d), count(late_share_30d) FROM {table} WHERE flights_30d = 0"
    for table in TABLES:
        found = rows.execute(quiet.format(table=table)).fetchone()
        assert found is not None
        assert found[0] > 0
        assert found[1:] == (0, 0)
    unknown = "SELECT count(DISTINCT tailnum), count(age_years) FROM {table} ANTI JOIN planes USING (tailnum)"
    flown = "(SELECT tailnum, NULL AS age_years FROM flights WHERE make_date(year, month, day) < DATE '2013-11-30')"
    found = rows.execute(unknown.format(table="plane_features")).fetchone()
    assert found == rows.execute(unknown.format(table=flown)).fetchone()
    assert found is not None
    assert 600 < found[0] <= 722


def test_every_share_is_one(rows: duckdb.DuckDBPyConnection) -> None:
    shares = "late_share_30d, cancelled_share_30d, late_share_365d"
    for share in shares.split(", "):
        found = rows.execute(f"SELECT min({share}), max({share}) FROM route_delay_features").fetchone()
        assert found is not None
        assert 0 <= found[0] < found[1] <= 1
    ages = rows.execute("SELECT min(age_years), max(age_years) FROM plane_features").fetchone()
    assert ages == (0, 57)


def test_the_weekday_is_the_dates(rows: duckdb.DuckDBPyConnection) -> None:
    """The first of January 2013 was a Tuesday."""
    assert rows.execute("SELECT DISTINCT day_of_week FROM flights WHERE month = 1 AND day = 1").fetchone() == (2,)
    assert rows.execute("SELECT min(day_of_week), max(day_of_week) FROM flights").fetchone() == (1, 7)

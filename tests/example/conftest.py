"""The example's warehouse with few bookings, built once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.flights import build


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("example") / "flights.duckdb"
    assert build.build(path, bookings=3000)
    return path

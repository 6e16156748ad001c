"""The example's warehouse as `make run` builds it, built once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.flights import build


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("example") / "flights.duckdb"
    assert build.build(path)
    return path

"""No log line of any test here may hold what a caller's row held."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.keyed_http.products import CANARY


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    for phase in ("setup", "call"):
        assert not [record for record in caplog.get_records(phase) if CANARY in record.getMessage()]  # type: ignore[arg-type]

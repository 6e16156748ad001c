"""Two issuers, one for each zone, and their project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.app.issuer import Issuer
from tests.doors.house import write


@dataclass(frozen=True)
class Issuers:
    staff: Issuer
    firms: Issuer

    def token(self, zone: str) -> str:
        """A good token of a zone, the same for as long as this lives."""
        if zone == "internal":
            return self.staff.token("ed-1", roles=["staff"])
        return self.firms.token("ed-2", firm="acme")


@pytest.fixture(scope="session")
def issuers() -> Iterator[Issuers]:
    made = Issuers(Issuer("ed-1"), Issuer("ed-2"))
    yield made
    made.staff.close()
    made.firms.close()


@pytest.fixture
def project(tmp_path: Path, issuers: Issuers) -> Path:
    return write(tmp_path / "project", issuers.staff, issuers.firms)

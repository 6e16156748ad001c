"""Which zones a process serves, and where, by what the catalog and the command line say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from app.doors import doors_of
from app.settings import Settings, StartError
from schema.errors import Place
from schema.zone import Listen, Zone

CASES = yaml.safe_load(Path(__file__).with_name("addresses.yaml").read_text())


def zones(said: dict[str, Any]) -> dict[str, Zone]:
    return {
        name: Zone(name, (), Place("x"), listen=None if at is None else Listen(at[1], at[0]))
        for name, at in said.items()
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_addresses(case: dict[str, Any]) -> None:
    settings = Settings(Path(), host=case.get("host"), port=case.get("port"))
    if isinstance(case["want"], str):
        with pytest.raises(StartError, match=case["want"]):
            doors_of(zones(case["zones"]), case.get("asked", []), settings)
    else:
        made = doors_of(zones(case["zones"]), case.get("asked", []), settings)
        assert {door.zone: [door.host, door.port] for door in made} == case["want"]

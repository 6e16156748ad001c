"""What a zone is answered from holds what it needs, and not a name more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app.project import Project
from policies.condition import Moment
from policies.visible import visible
from schema.caller import Caller
from schema.graphql import build
from schema.yaml_source import plain, read_yaml
from tests.zones.house import loaded

FILE = Path(__file__).parent / "closure.yaml"
CASES: Any = plain(read_yaml(FILE.read_bytes(), FILE.name, []))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_closure(case: dict[str, Any], tmp_path: Path) -> None:
    project = loaded(tmp_path, case.get("changes"))
    seen = project.seen_in("outside")
    assert seen.seen_in("outside") == seen
    held = {
        id_: f"{' '.join(product.columns)}; {' '.join(product.relationships)}".strip("; ")
        for id_, product in seen.catalog.products.items()
    }
    assert held == case["holds"]
    assert sorted(seen.catalog.sources) == sorted(case["sources"])
    assert (list(seen.catalog.zones), list(seen.policies.rules)) == (["outside"], ["outside"])
    assert seen.policies.rules["outside"].keys() == seen.catalog.products.keys()
    assert _names(seen) == case["shows"]


def test_a_zone_reads_in_its_own_way(tmp_path: Path) -> None:
    changes = {"settings": {"zones": {"outside": {"audiences": ["partners"]}}}}
    changes["settings"]["issuers"] = {"others": {"audiences": ["partners", "reports"]}}  # type: ignore[assignment]
    project = loaded(tmp_path, changes)
    inside, outside = project.seen_in("internal").catalog, project.seen_in("outside").catalog
    assert inside.sources["shop"].url == "secret:env:SHOP_URL"
    assert outside.sources["shop"].url == "secret:env:OUTSIDE_SHOP_URL"
    assert (dict(inside.sources["shop"].options), dict(outside.sources["shop"].options)) == ({}, {"pool_size": 2})
    assert (list(inside.issuers), list(outside.issuers)) == (["people"], ["others"])
    assert outside.issuers["others"].audiences == ("partners",)


def test_the_schema_of_the_cut_is_that_of_the_whole(tmp_path: Path) -> None:
    project = loaded(tmp_path)
    for zone in project.catalog.zones:
        assert build(project.seen_in(zone).catalog, zone).sdl == build(project.catalog, zone).sdl


def _names(seen: Project) -> Mapping[str, str]:
    """What somebody whom every guard lets in may know."""
    caller = Caller("s", "i", "outside", {"partner": "acme", "roles": ("staff",)}, 2e9)
    known = visible(seen.policies, seen.catalog, caller, Moment(0, None))
    return {
        id_: f"{' '.join(sorted(columns))}; {' '.join(sorted(known.relationships[id_]))}".strip("; ")
        for id_, columns in known.columns.items()
    }


def test_partners_turn_to_the_zones_contact(tmp_path: Path) -> None:
    stewards = {"catalog": {"domains": {"shop": {"steward": "Sam <sam@shop.example>"}}}}
    for contact in ("", "Desk <desk@shop.example>"):
        zones = {"outside": {"contact": contact} if contact else {}}
        project = loaded(tmp_path, {**stewards, "settings": {"zones": zones}})
        inside, outside = (project.seen_in(zone).catalog for zone in ("internal", "outside"))
        assert {product.owner for product in inside.products.values() if product.domain == "shop"} == {
            "Sam <sam@shop.example>"
        }
        assert {product.owner for product in outside.products.values()} == {""}
        assert outside.domains["shop"].steward == contact
        assert "sam@" not in build(outside, "outside").sdl

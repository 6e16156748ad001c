"""Zones in one process stand and fall together: a reload swaps all of them or none, and all of them drain."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.doors import Door
from app.loaded import cut
from app.project import load_project
from app.settings import StartError
from tests.app.process import until
from tests.doors.conftest import Issuers
from tests.doors.house import Houses

ZONES = ("internal", "partner")


@pytest.fixture
def house(project: Path) -> Iterator[Houses]:
    made = Houses(project, ZONES)
    yield made
    made.stop()


def orders(house: Houses, zone: str, issuers: Issuers, field: str) -> list[object]:
    """The values of a field of the orders, in a zone; the codes of errors where there are any."""
    headers = {"Authorization": f"Bearer {issuers.token(zone)}"}
    body = {"query": f"{{ orders {{ nodes {{ {field} }} }} }}"}
    said = house.clients[zone].post("/graphql", headers=headers, json=body).json()
    if "errors" in said:
        return [error["extensions"]["code"] for error in said["errors"]]
    return [node[field] for node in said["data"]["orders"]["nodes"]]


_ANY = "    operations: any\n"
_WAIVED = (
    "    waive:\n      - {rule: row-filter, on: trade.lines, reason: The same for all., since: 2026-01-01}\n",
    "",
)
BROKEN = {
    "a source of one zone that cannot be opened": (
        "CH332",
        [(_ANY, _ANY + '    sources: {shop: {url: ":memory:"}}\n')],
    ),
    "a zone that is gone": ("CH336", [("  partner:\n", "  partners:\n"), ("zone: partner", "zone: partners")]),
    "a zone that is of the house now": ("CH336", [(_ANY, "    exposure: internal\n"), _WAIVED]),
    "a zone with another master key": ("CH336", [(_ANY, _ANY + "    master_key: secret:env:OTHER\n")]),
}
"""What is wrong with the new files: the code, and what is written for what."""


@pytest.mark.parametrize("why", BROKEN)
def test_a_reload_that_breaks_one_zone_changes_none(why: str, house: Houses, project: Path, issuers: Issuers) -> None:
    """Although what it says of the other zone is good, and is served once all of it is."""
    code, edits = BROKEN[why]
    settings, policies = project / "customhouse.yaml", project / "policies" / "all.yaml"
    good = policies.read_text().replace("'staff' IN", "'nobody' IN")
    texts = [settings.read_text(), good]
    before = list(texts)
    for old, new in edits:
        assert any(old in text for text in texts)
        texts = [text.replace(old, new) for text in texts]
    staged = project / "staged"
    staged.write_text(texts[0])
    policies.write_text(texts[1])
    staged.rename(settings)
    assert code in str(house.process.wait_for("reload_refused")["errors"])
    assert orders(house, "internal", issuers, "id") == ["1", "2", "3"]
    assert orders(house, "partner", issuers, "id") == ["1", "2"]
    settings.write_text(before[0])
    policies.write_text(before[1])
    house.process.wait_for("reloaded")
    assert orders(house, "internal", issuers, "id") == ["CH205"]
    assert orders(house, "partner", issuers, "id") == ["1", "2"]


def test_all_drain(project: Path, issuers: Issuers) -> None:
    """Not ready in either zone, answering in both, until the second signal ends the delay."""
    house = Houses(project, ZONES, {"CUSTOMHOUSE_DRAIN_DELAY": "600"})
    house.process.popen.terminate()
    house.process.wait_for("draining")
    for zone in ZONES:
        assert house.clients[zone].get("/readyz").json()["missing"] == ["draining"]
        assert "1" in orders(house, zone, issuers, "id")
    assert house.stop() == 0
    assert house.process.wait_for("stopped")
    for zone in ZONES:
        with pytest.raises(httpx.TransportError):
            httpx.get(str(house.process.wait_for("serving", zone=zone)["url"]), trust_env=False)


def test_workers_serve_all_zones_and_count_each(project: Path, issuers: Issuers) -> None:
    house = Houses(project, ZONES, {"CUSTOMHOUSE_WORKERS": "2", "CUSTOMHOUSE_ADMIN": "127.0.0.1:0"})
    admin = str(house.process.wait_for("supervising")["admin"])
    try:
        for worker in (0, 1):
            for zone in ZONES:
                house.process.wait_for("serving", worker=worker, zone=zone)
        for zone, times in (("internal", 3), ("partner", 2)):
            for _ in range(times):
                assert "1" in orders(house, zone, issuers, "id")

        def counted() -> dict[str, float]:
            text = httpx.get(f"{admin}/metrics", trust_env=False).text
            return {
                sample.labels["zone"]: sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if sample.name == "customhouse_requests_total" and sample.labels["route"] == "/graphql"
            }

        assert until(lambda: counted() == {"internal": 3, "partner": 2})
        assert httpx.get(f"{admin}/readyz", trust_env=False).status_code == 200
    finally:
        assert house.stop() == 0


def test_a_zone_that_is_not_what_it_was(project: Path) -> None:
    whole = load_project(project)
    with pytest.raises(StartError, match=r"CH336.*'partners'"):
        cut(whole, [Door("partners", "127.0.0.1", 0)])
    with pytest.raises(StartError, match=r"CH336.*'internal'"):
        cut(whole, [Door("internal", "127.0.0.1", 0, restricted=True)])

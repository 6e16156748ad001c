"""Hidden equals invented, over a socket at the listener of partners: probes.yaml."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx
import pytest
import yaml

from tests.partner.house import House, Listener

PROBES: list[Mapping[str, object]] = yaml.safe_load((Path(__file__).parent / "probes.yaml").read_text())


@pytest.mark.parametrize("zone", ["partner", "closed"])
def test_hidden_equals_invented(zone: str, house: House) -> None:
    at = house[zone]
    for probe in PROBES:
        hidden, invented = str(probe["hidden"]), str(probe["invented"])
        assert len(hidden) == len(invented), probe["what"]
        there, nowhere = _sent(at, probe, hidden), _sent(at, probe, invented)
        assert [_told(one, hidden) for one in there] == [_told(one, invented) for one in nowhere], probe["what"]


def test_the_probes_name_what_is_there(house: House) -> None:
    """At the internal listener most of them are answered: there they are told from invented names."""
    told = [
        probe["what"]
        for probe in PROBES
        if [_told(one, str(probe["hidden"])) for one in _sent(house["internal"], probe, str(probe["hidden"]))]
        != [_told(one, str(probe["invented"])) for one in _sent(house["internal"], probe, str(probe["invented"]))]
    ]
    alike = {"entitlement", "entitlement in SQL", "physical table", "domain", "argument", "documentation"}
    alike |= {"figures of the process", "page for people"}
    assert {probe["what"] for probe in PROBES} - set(told) <= alike


def test_how_much_was_tried(house: House, record_property: Callable[[str, object], None]) -> None:
    record_property("figure", f"hidden beside invented at the partner's listeners: {house.tried.requests} requests")
    assert house.tried.requests > 2 * len(PROBES)


def _sent(at: Listener, probe: Mapping[str, object], name: str) -> list[httpx.Response]:
    if "sql" in probe:
        return [at.sql(str(probe["sql"]).replace("@", name))]
    if "path" in probe:
        path = name if name.startswith("/") else f"/{name}"
        return [at.send(method, path) for method in ("GET", "POST", "HEAD", "DELETE")]
    if "get" in probe:
        return [at.send("GET", "/graphql", params={"query": str(probe["get"]).replace("@", name)})]
    variables = json.loads(json.dumps(probe.get("variables", {})).replace("@", name))
    return [at.ask(str(probe["query"]).replace("@", name), **variables)]


def _told(response: httpx.Response, name: str) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    headers = [(key, value) for key, value in response.headers.raw if key.lower() != b"date"]
    return response.status_code, headers, response.content.replace(name.encode(), b"@")

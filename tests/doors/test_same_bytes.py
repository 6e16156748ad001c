"""Two zones in one process answer as they do in two, to the byte but for request id and date; and a token of one is
worth nothing at the other's door."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.doors.conftest import Issuers
from tests.doors.house import Houses, write

ZONES = ("internal", "partner")
CASES = yaml.safe_load(Path(__file__).with_name("asked.yaml").read_text())
_OF_THE_MOMENT = {"date", "x-request-id"}


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory, issuers: Issuers) -> Iterator[Mapping[str, list[httpx.Client]]]:
    """By zone: of the process that serves both, and of the one that serves it alone."""
    folder = write(tmp_path_factory.mktemp("same") / "project", issuers.staff, issuers.firms)
    houses = [Houses(folder, ZONES), *(Houses(folder, [zone]) for zone in ZONES)]
    yield {zone: [house.clients[zone] for house in houses if zone in house.clients] for zone in ZONES}
    assert [house.stop() for house in houses] == [0, 0, 0]
    assert [house.process.errors for house in houses] == [[], [], []]


@pytest.fixture(scope="module")
def tokens(issuers: Issuers) -> Mapping[str, str]:
    return {zone: issuers.token(zone) for zone in ZONES}


def asked(client: httpx.Client, case: Mapping[str, Any], own: str, other: str) -> tuple[int, list[Any], bytes]:
    token = case.get("token", "own")
    held = {"own": own, "other": other}.get(token, token)
    headers = {**case.get("headers", {}), **({} if held is None else {"Authorization": f"Bearer {held}"})}
    method = "POST" if "body" in case else "GET"
    answer = client.request(method, case.get("path", "/graphql"), headers=headers, json=case.get("body"))
    said = [(name, value) for name, value in answer.headers.raw if name.lower().decode() not in _OF_THE_MOMENT]
    body = answer.content.replace(answer.headers["x-request-id"].encode(), b"(request id)")
    return answer.status_code, said, body


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_same(case: Mapping[str, Any], clients: Mapping[str, list[httpx.Client]], tokens: Mapping[str, str]) -> None:
    found = []
    for zone, other in zip(ZONES, reversed(ZONES), strict=True):
        together, alone = (asked(client, case, tokens[zone], tokens[other]) for client in clients[zone])
        assert together == alone
        found.append(together)
    for wanted, (status, _, body) in zip(case["wanted"], found, strict=True):
        assert (status == wanted and b"CH" not in body) if wanted == 200 else str(wanted) in f"{status} {body!r}"


def test_the_two_zones_differ(clients: Mapping[str, list[httpx.Client]], tokens: Mapping[str, str]) -> None:
    """What is the same in both set-ups is not simply the same everywhere."""
    rows = CASES[0]
    internal, partner = (asked(clients[zone][0], rows, tokens[zone], "")[2] for zone in ZONES)
    assert b"bolt" in internal
    assert b"bolt" not in partner
    assert b"nuts" in internal
    assert b"nuts" not in partner


def test_a_cursor_of_one_door_is_none_at_the_other(
    clients: Mapping[str, list[httpx.Client]], tokens: Mapping[str, str]
) -> None:
    page = {"query": "{ orders(first: 1) { pageInfo { endCursor } } }"}
    query = "query ($after: String) { orders(first: 1, after: $after) { nodes { id } } }"
    for zone, other in zip(ZONES, reversed(ZONES), strict=True):
        mine, yours = ({"Authorization": f"Bearer {tokens[name]}"} for name in (zone, other))
        cursor = clients[zone][0].post("/graphql", headers=mine, json=page).json()["data"]["orders"]["pageInfo"]
        body = {"query": query, "variables": {"after": cursor["endCursor"]}}
        assert clients[zone][1].post("/graphql", headers=mine, json=body).status_code == 200
        refused = clients[other][0].post("/graphql", headers=yours, json=body)
        assert [error["extensions"]["code"] for error in refused.json()["errors"]] == ["CH110"]

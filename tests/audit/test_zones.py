"""The trail where there are partners and several zones: whose quota, stop or document it was, and one chain for all of
a process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx
import orjson
import pytest

from app.audit.verify import verify
from app.cli import main
from tests.app.process import Process, until
from tests.audit.ocsf import check
from tests.doors.conftest import Issuers, issuers, project
from tests.doors.house import Houses
from tests.partners.house import place, token

__all__ = ["issuers", "project"]
ORDERS, CUSTOMERS = "{ orders { nodes { id } } }", "{ customers { nodes { id } } }"
Record = dict[str, object]


def records(path: Path) -> list[Record]:
    """Those of a whole trail."""
    assert verify([path]).breaks == []
    for line in path.read_bytes().splitlines():
        check(line)
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def told(found: list[Record]) -> dict[str, Record]:
    """What was told of each request, by its id."""
    asked = [record for record in found if record["class_uid"] != 6003]
    made = {str(record["http_request"]["uid"]): record for record in asked}  # type: ignore[index]
    assert len(made) == len(asked)
    return made


def acts(found: list[Record]) -> dict[str, Mapping[str, object]]:
    return {
        record["api"]["operation"]: record["unmapped"]  # type: ignore[index,misc]
        for record in found
        if record["class_uid"] == 6003
    }


def test_partners(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, trail = place(tmp_path / "p"), tmp_path / "audit.jsonl"
    documents = folder / "documents" / "partner"
    documents.mkdir(parents=True)
    (documents / "mine.graphql").write_text("query Mine { orders(first: 3) { nodes { id customer { name } } } }")
    assert main(["documents", "add", "--zone", "partner", "--project", str(folder)]) == 0
    serve = ["-m", "app.cli", "serve", "--project", str(folder), "--zone", "partner", "--dev-keys"]
    process = Process(serve, {"CUSTOMHOUSE_AUDIT": f"file:{trail}"})
    with httpx.Client(base_url=process.url, timeout=30, trust_env=False) as client:
        assert until(lambda: client.get("/readyz").status_code == 200)

        def ask(name: str, who: str | None, path: str = "/graphql", query: str | None = None) -> int:
            headers = {"Authorization": f"Bearer {token(folder, who)}", "X-Request-Id": name}
            if query is None:
                return client.get(path, headers=headers).status_code
            return client.post(path, headers=headers, json={"query": query}).status_code

        assert ask("mine", "airline", "/q/Mine") == 200
        assert ask("described", "airline", "/openapi.json") == 200
        assert [ask(f"some-{at}", "agency", query=CUSTOMERS) for at in range(3)] == [200, 200, 429]
        assert [ask(f"more-{at}", "agency", query=ORDERS) for at in range(4)] == [200, 200, 200, 429]
        assert ask("nobody", "nobody", query=ORDERS) == 403
        command = ["--project", str(folder), "--zone", "partner"]
        assert main(["partner", "stop", "airline", "--reason", "token found", *command]) == 0
        process.wait_for("partner_stopped")
        assert ask("stopped", "airline", query=ORDERS) == 403
        assert ask("stopped-beside", "airline", "/catalog") == 403
        assert main(["partner", "resume", "airline", *command]) == 0
        process.wait_for("partner_resumed")
    assert process.stop() == 0
    found = records(trail)
    asked = {name: record["unmapped"] for name, record in told(found).items()}
    codes = {name: about["codes"] for name, about in asked.items() if about["codes"]}  # type: ignore[index]
    assert codes == {
        "some-2": ["CH622"], "more-3": ["CH620"], "nobody": ["CH312"], "stopped": ["CH313"],
        "stopped-beside": ["CH313"],
    }  # fmt: skip
    for name, about in asked.items():
        whose = None if name == "nobody" else "agency" if name[:4] in ("some", "more") else "airline"
        assert about.get("partner") == whose, name  # type: ignore[attr-defined]
    assert told(found)["nobody"]["class_uid"] == 3002
    refused = asked["some-2"]
    assert [product["name"] for product in refused["products"]] == ["sales.customers"]  # type: ignore[index]
    assert "rows" not in refused, "nothing was given"  # type: ignore[operator]
    mine = asked["mine"]
    assert mine["rows_by_product"] == {"sales.orders": 3, "sales.customers": 3}  # type: ignore[index]
    assert (mine["rows"], told(found)["mine"]["query_info"]["name"]) == (6, "Mine")  # type: ignore[index]
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "Mine" in line]
    assert mine["document_sha256"].startswith(line.removeprefix("sha256:")[:12])  # type: ignore[index]
    done = acts(found)
    assert done["start"]["documents"]["count"] == 1  # type: ignore[index]
    assert (done["partner.stopped"]["partner"], done["partner.stopped"]["reason"]) == ("airline", "token found")
    assert done["partner.resumed"]["partner"] == "airline"


def test_zones_of_a_process_share_a_chain(project: Path, issuers: Issuers, tmp_path: Path) -> None:
    trail = tmp_path / "audit.jsonl"
    house = Houses(project, ("internal", "partner"), {"CUSTOMHOUSE_AUDIT": f"file:{trail}"})
    for zone, client in house.clients.items():
        headers = {"Authorization": f"Bearer {issuers.token(zone)}", "X-Request-Id": zone}
        assert client.post("/graphql", headers=headers, json={"query": ORDERS}).status_code == 200
    assert house.stop() == 0
    found = records(trail)
    assert {name: record["unmapped"]["rows"] for name, record in told(found).items()} == {  # type: ignore[index]
        "internal": 3, "partner": 2,
    }  # fmt: skip
    starts = [record["unmapped"] for record in found if record.get("api", {}).get("operation") == "start"]  # type: ignore[attr-defined]
    assert {about["zone"] for about in starts} == {"internal", "partner"}  # type: ignore[index]
    waived = acts(found)["waive"]
    assert (waived["zone"], waived["rule"], waived["on"]) == ("partner", "row-filter", "trade.lines")
    assert len({record["unmapped"]["chain"]["id"] for record in found}) == 1  # type: ignore[index]


def test_what_is_withheld_from_partners_has_one_shape(project: Path, issuers: Issuers) -> None:
    """Nothing can be recorded: whoever is somebody gets CH155, and where nothing is for partners, still nothing is."""
    settings = {
        "CUSTOMHOUSE_AUDIT": "file:/dev/full",
        "CUSTOMHOUSE_AUDIT_REQUIRED": "1",
        "CUSTOMHOUSE_AUDIT_SYNC": "never",
    }
    house = Houses(project, ("partner",), settings)
    client, headers = house.clients["partner"], {"Authorization": f"Bearer {issuers.token('partner')}"}
    bodies = [client.post("/graphql", headers=headers, json={"query": query}) for query in (ORDERS, "{", "{ nothing }")]
    bodies.append(client.post("/graphql", json={"query": ORDERS}))
    for response in bodies:
        assert response.status_code == 503
        (error,) = response.json()["errors"]
        assert (error.keys(), error["extensions"].keys()) == ({"message", "extensions"}, {"code", "request_id"})
        assert error["extensions"]["code"] == "CH155"
    problem = client.get("/catalog", headers=headers)
    assert (problem.status_code, problem.json().keys()) == (503, {"type", "title", "status", "code", "request_id"})
    nothing = [client.post(path, headers=headers, json={"query": ORDERS}) for path in ("/explain", "/nowhere")]
    assert [response.status_code for response in nothing] == [404, 404]
    assert len({response.headers["content-length"] for response in nothing}) == 1
    assert house.stop() == 0

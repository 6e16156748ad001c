"""Documents over HTTP (requests.yaml), and what a zone of trusted documents never does: parse what is not registered,
or tell what there is."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.documents.conftest import Shop
from tests.documents.place import bearer, parsed_texts

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("requests.yaml").read_text(encoding="utf-8"))
ZERO = "0" * 64


def filled(value: Any, shop: Shop) -> Any:
    """A request with hashes and texts in place of their names."""
    if isinstance(value, dict):
        return {name: filled(item, shop) for name, item in value.items()}
    if isinstance(value, str) and value.startswith("@"):
        return shop.texts[value[1:]]
    if isinstance(value, str):
        for name, hash_ in shop.hashes.items():
            value = value.replace(f"{{{name}}}", hash_)
        return value.replace("ZERO", ZERO)
    return value


def ask(client: httpx.Client, said: dict[str, Any], **headers: str) -> httpx.Response:
    path = said.get("path", "/graphql")
    if "json" in said:
        return client.post(path, json=said["json"], headers=headers)
    return client.get(path + (f"?{said['query']}" if "query" in said else ""), headers=headers)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_request(case: dict[str, Any], served: Shop) -> None:
    response = ask(served.clients[case.get("zone", "closed")], filled(case["ask"], served))
    want = case["want"]
    assert response.status_code == want.get("status", 200), response.text
    said = response.json()
    if "ids" in want:
        assert [node["id"] for node in said["data"]["orders"]["nodes"]] == want["ids"]
    if "codes" in want:
        assert [error["extensions"]["code"] for error in said["errors"]] == want["codes"]
        assert "data" not in said
    if "message" in want:
        assert said["errors"][0]["message"] == want["message"]
    assert response.headers["cache-control"] == "no-store"


def refused(shop: Shop) -> list[dict[str, Any]]:
    """Every way to ask for what the closed zone has not registered."""
    theirs, free = shop.hashes["All"], "{ orders { nodes { id } } }"
    apollo = {"version": 1, "sha256Hash": shop.hashes["OrdersOf"]}
    own = shop.texts["OrdersOf"]
    return [
        {"json": {"documentId": f"sha256:{ZERO}"}},
        {"json": {"documentId": f"sha256:{theirs}"}},
        {"json": {"documentId": "Invented"}},
        {"json": {"documentId": "All", "variables": {"a": 1}}},
        {"json": {"documentId": ""}},
        {"json": {"query": free}},
        {"json": {"query": shop.texts["All"]}},
        {"json": {"query": own + " "}},
        {"json": {"query": "mutation { x }"}},
        {"json": {"query": "{ __schema { types { name } } }"}},
        {"json": {"query": "{" * 5000}},
        {"json": {"query": ""}},
        {"json": {"query": free, "documentId": "OrdersOf"}},
        {"json": {"query": free, "extensions": {"persistedQuery": apollo}}},
        {"json": {"documentId": "OrdersOf", "extensions": {"persistedQuery": apollo}}},
        {"json": {"extensions": {"persistedQuery": {**apollo, "sha256Hash": ZERO}}}},
        {"json": {"extensions": {"persistedQuery": {**apollo, "version": 2}}}},
        {"json": {"extensions": {"persistedQuery": {**apollo, "version": True}}}},
        {"json": {"query": free, "extensions": {"persistedQuery": {**apollo, "sha256Hash": sha256(free)}}}},
        {"query": "query=mutation%7Bx%7D"},
        {"query": "query=%7Borders%7Bnodes%7Bid%7D%7D%7D"},
        {"query": f"documentId=sha256:{theirs}"},
        {"path": "/q/Invented"},
        {"path": "/q/All"},
        {"path": f"/q/{theirs}", "query": "x=1"},
        {"path": "/q/"},
        {"path": "/q/OrdersOf/more", "query": "region=north"},
    ]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_whatever_is_not_registered_is_refused_in_the_same_bytes(served: Shop) -> None:
    """Another zone's document, an invented one and a free query cannot be told apart, nor from a bad version."""
    seen = set()
    for said in refused(served):
        response = ask(served.clients["closed"], said)
        request_id = response.headers["x-request-id"]
        headers = tuple(
            (name, value) for name, value in response.headers.items() if name not in ("x-request-id", "date")
        )
        seen.add((response.status_code, headers, response.text.replace(request_id, "ID")))
    assert len(seen) == 1, seen
    status, _, text = seen.pop()
    assert (status, json.loads(text)["errors"][0]["extensions"]["code"]) == (400, "CH170")


def test_a_document_of_hidden_names_is_as_if_it_were_not_there(served: Shop) -> None:
    """Whether it exists, what it is called, what its variables are: nothing of it is told."""
    seen = set()
    for said in (
        {"json": {"documentId": f"sha256:{ZERO}"}},
        {"json": {"documentId": served.hashes["OrdersOf"], "variables": {"region": "north"}}},
        {"json": {"documentId": "OrdersOf", "variables": {"region": "far too long", "other": 1}}},
        {"json": {"documentId": "OrdersOf", "operationName": "Some"}},
        {"json": {"query": served.texts["OrdersOf"], "variables": {"region": "north"}}},
        {"path": "/q/OrdersOf", "query": "region=north&region=north"},
        {"path": "/q/Some", "query": "ids=one"},
    ):
        response = ask(served.clients["closed"], said, **bearer(served.project, "stranger"))
        seen.add((response.status_code, response.text.replace(response.headers["x-request-id"], "ID")))
    assert len(seen) == 1, seen
    assert "CH170" in seen.pop()[1]


def test_the_token_comes_first(served: Shop) -> None:
    for said in (
        *refused(served),
        {"path": "/q/OrdersOf", "query": "region=north"},
        {"json": {"documentId": "OrdersOf"}},
    ):
        response = ask(served.clients["closed"], said, Authorization="Bearer x")
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (401, "CH302")


@given(text=st.text(max_size=80) | st.from_regex(r"(query|mutation) [A-Z]\{ [a-z]{1,6} \}", fullmatch=True))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_unregistered_is_parsed(served: Shop, text: str) -> None:
    client = served.clients["closed"]
    text = text.encode("utf-8", "ignore").decode()
    apollo = {"persistedQuery": {"version": 1, "sha256Hash": sha256(text)}}
    answers = [
        client.post("/graphql", json={"query": text}),
        client.post("/graphql", json={"query": text, "extensions": apollo}),
        client.post("/graphql", json={"documentId": text, "query": text}),
        client.post("/explain", json={"query": text}),
    ]
    if text:
        answers.append(client.get("/graphql", params={"query": text}))
    assert {answer.status_code for answer in answers} == {400}
    assert set(parsed_texts(served.parsed)) - served.loaded <= {served.texts["OrdersOf"], served.texts["Some"]}


def test_explaining_is_asking(served: Shop) -> None:
    """Whoever may ask why is answered about registered documents, and about nothing else where nothing else is."""
    closed, internal = served.clients["closed"], served.clients["internal"]
    free = {"query": "{ orders { nodes { id } } }"}
    for client, said, status in ((closed, free, 400), (internal, free, 200), (internal, {"documentId": "All"}, 200)):
        assert client.post("/explain", json=said).status_code == status
    why = closed.post("/explain", json={"documentId": "OrdersOf", "variables": {"region": "north"}})
    assert why.status_code == 200
    assert closed.post("/explain", json=free).json()["code"] == "CH170"


def test_the_recorder_records(served: Shop) -> None:
    """What is registered is parsed once, so the test above can fail."""
    for _ in range(3):
        assert served.clients["closed"].get("/q/OrdersOf?region=north").status_code == 200
    assert served.texts["OrdersOf"] in parsed_texts(served.parsed)


def test_a_browser_at_a_documents_address_gets_no_page(served: Shop) -> None:
    response = ask(served.clients["closed"], {"path": "/q/OrdersOf", "query": "region=north"}, Accept="text/html, */*")
    assert response.headers["content-type"] == "application/json; charset=utf-8"


def test_the_log_names_no_document(served: Shop) -> None:
    response = served.clients["closed"].get("/q/Canary")
    line = served.processes["closed"].wait_for("request", request_id=response.headers["x-request-id"])
    assert (line["route"], line["codes"]) == ("/q/", ["CH170"])
    assert "Canary" not in json.dumps(served.processes["closed"].log)

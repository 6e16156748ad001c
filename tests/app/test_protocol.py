"""GraphQL over HTTP against a running gateway: the cases of protocol.yaml, and what every answer has in common."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.app.issuer import Issuer
from tests.app.process import Process

CASES = yaml.safe_load(Path(__file__).with_name("protocol.yaml").read_text(encoding="utf-8"))


def ask(client: httpx.Client, bearer: dict[str, str], said: dict[str, Any]) -> httpx.Response:
    method = said.get("method", "POST")
    headers: dict[str, str | None] = {**bearer}
    body = None
    if "json" in said:
        body = json.dumps(said["json"]).encode()
    elif "hex" in said:
        body = bytes.fromhex(said["hex"])
    elif "text" in said:
        body = said["text"].encode()
    if method == "POST":
        headers["Content-Type"] = "application/json"
    headers |= said.get("headers", {})
    url = said.get("path", "/graphql") + (f"?{said['query']}" if "query" in said else "")
    request = client.build_request(
        method, url, content=body, headers={name: value for name, value in headers.items() if value is not None}
    )
    if "Accept" not in headers:
        del request.headers["Accept"]
    return client.send(request)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any], client: httpx.Client, bearer: dict[str, str]) -> None:
    response, want = ask(client, bearer, case["ask"]), case["want"]
    assert response.status_code == want.get("status", 200), response.text
    beside = "path" in case["ask"]
    assert response.headers["content-type"] == want.get("type", "application/json; charset=utf-8") or beside
    if beside and "type" in want:
        assert response.headers["content-type"].startswith(want["type"])
    for name, value in want.get("headers", {}).items():
        assert response.headers[name] == value
    if "data" in want:
        assert response.json() == {"data": want["data"]}
    if "codes" in want:
        errors = response.json()["errors"]
        assert [error["extensions"]["code"] for error in errors] == want["codes"]
        assert {error["extensions"]["request_id"] for error in errors} == {response.headers["x-request-id"]}
    if want.get("lacks_data"):
        assert "data" not in response.json()
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-store"
    assert "server" not in response.headers
    assert len(response.headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-1_2.Z", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("a b", False),
        ("", False),
        ("é", False),
        ("x;y=1", False),
    ],
)
@pytest.mark.parametrize("path", ["/graphql", "/livez"])
def test_request_id(given: str, kept: bool, path: str, client: httpx.Client) -> None:
    response = client.get(path, headers={"X-Request-Id": given.encode("latin-1")})
    assert (response.headers["x-request-id"] == given) is kept
    assert len(response.headers.get_list("x-request-id")) == 1


def test_the_engine_is_told_the_requests_id(client: httpx.Client, bearer: dict[str, str]) -> None:
    headers = {**bearer, "X-Request-Id": "01J9K"}
    for response in (
        client.post("/graphql", headers=headers, json={"query": "{ request }"}),
        client.get("/graphql", headers=headers, params={"query": "{ request }"}),
    ):
        assert response.json() == {"data": {"request": "01J9K"}}
    own = client.post("/graphql", headers=bearer, json={"query": "{ request }"})
    assert own.json() == {"data": {"request": own.headers["x-request-id"]}}


def test_two_refusals_differ_in_id_and_date_alone(client: httpx.Client, bearer: dict[str, str]) -> None:
    """An invisible name and an unknown one are refused alike by the engine; HTTP must not tell them apart again."""
    answers = [
        client.post("/graphql", headers=bearer, json={"query": query})
        for query in ("{ hidden }", "{ missing }", "{ x }")
    ]
    seen = set()
    for answer in answers:
        request_id = answer.headers["x-request-id"]
        headers = tuple((name, value) for name, value in answer.headers.items() if name not in ("x-request-id", "date"))
        seen.add((answer.status_code, headers, answer.text.replace(request_id, "ID")))
    assert len(seen) == 1


def test_body_limit(client: httpx.Client, bearer: dict[str, str]) -> None:
    """The project allows 2,000 bytes: at the limit it is read, one more is refused, whether declared or not."""
    body = json.dumps({"query": "{ ok }"}).encode()
    headers = {**bearer, "Content-Type": "application/json"}

    def padded(size: int) -> bytes:
        return body + b" " * (size - len(body))

    def streamed(size: int) -> Any:
        return iter([padded(size)[:100], padded(size)[100:]])

    for shape in (padded, streamed):
        assert client.post("/graphql", headers=headers, content=shape(2000)).status_code == 200
        for size in (2001, 100_000, 3_000_000):
            response = client.post("/graphql", headers=headers, content=shape(size))
            assert response.status_code == 413
            assert response.json()["errors"][0]["extensions"]["code"] == "CH143"


@pytest.mark.parametrize("depth", [10, 64, 65, 500, 970])
def test_nesting(depth: int, client: httpx.Client, bearer: dict[str, str]) -> None:
    """`variables` is at level 2; 64 levels are read. The body limit of 2,000 bytes leaves room for 970."""
    text = '{"query":"{ variables }","variables":{"a":' + "[" * (depth - 2) + "]" * (depth - 2) + "}}"
    response = client.post("/graphql", headers={**bearer, "Content-Type": "application/json"}, content=text)
    assert response.status_code == (200 if depth <= 64 else 400)


def test_long_addresses_and_heads(client: httpx.Client, bearer: dict[str, str]) -> None:
    long = client.get("/graphql?query={ok}&x=" + "y" * 40_000, headers=bearer)
    assert (long.status_code, long.json()["errors"][0]["extensions"]["code"]) == (414, "CH148")
    for headers in ({"X": "y" * 70_000}, {f"X-{at}": "y" for at in range(250)}):
        refused = client.get("/graphql", headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (431, "CH157")
    assert client.get("/livez").status_code == 200


def test_head_is_refused_without_a_body(client: httpx.Client, bearer: dict[str, str]) -> None:
    response = client.head("/graphql", headers=bearer)
    assert (response.status_code, response.content) == (405, b"")


def test_explaining_with_the_right(client: httpx.Client, issuer: Issuer) -> None:
    token = issuer.token("ed-1", roles=["platform"])
    response = client.post("/explain", headers={"Authorization": f"Bearer {token}"}, json={"query": "{ ok }"})
    assert (response.status_code, response.json()) == (200, {"query": "{ ok }", "purpose": None})


def test_becomes_ready_when_keys_are_known(client: httpx.Client, bearer: dict[str, str]) -> None:
    assert client.post("/graphql", headers=bearer, json={"query": "{ ok }"}).status_code == 200
    assert client.get("/readyz").json() == {"status": "ready", "missing": []}


def test_the_log_holds_nothing_personal(client: httpx.Client, gateway: Process, issuer: Issuer) -> None:
    """Canaries in every part of a request, and the text of an engine's failure, stay out of the log and the answer."""
    token = issuer.token("rsa-1", sub="canary-subject", tenant="canary-tenant")
    response = client.post(
        "/graphql?canary=path",
        headers={"Authorization": f"Bearer {token}", "User-Agent": "canary-agent"},
        json={"query": "{ boom }", "variables": {"a": "canary-variable"}, "operationName": "boom"},
    )
    client.get("/canary-address")
    assert "canary" not in response.text
    request_id = response.headers["x-request-id"]
    line = gateway.wait_for("request", request_id=request_id)
    assert {"caller", "document", "codes", "status", "request_id", "ms"} <= set(line)
    assert gateway.wait_for("failure", request_id=request_id)["kind"] == "RuntimeError"
    client.get("/livez")
    text = json.dumps(gateway.log) + b"".join(gateway.errors).decode()
    assert "canary" not in text
    assert token not in text

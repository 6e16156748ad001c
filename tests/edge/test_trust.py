"""Over real sockets: what a trusted peer says is believed, and the same from anybody else changes nothing at all."""

from __future__ import annotations

import httpx
import pytest

from tests.app.conftest import Start, write_project
from tests.app.issuer import Issuer
from tests.app.process import Process
from tests.edge.conftest import STRANGER, TRUSTED, Come

IDS = {"apigw-requestid": "ZJ5XjhKLIAMEP3w=", "X-Kong-Request-Id": "kong-1"}


@pytest.fixture(scope="module")
def edged(start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Process:
    project = write_project(tmp_path_factory.mktemp("edge") / "p", issuer.url)
    said = {"TRUSTED_PROXIES": f"{TRUSTED}/32", "REQUEST_ID_FROM": "apigw-requestid, X-Kong-Request-Id"}
    return start(project, **{f"CUSTOMHOUSE_{name}": text for name, text in said.items()})


@pytest.fixture(scope="module")
def staged(start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Process:
    project = write_project(tmp_path_factory.mktemp("stage") / "p", issuer.url)
    return start(project, CUSTOMHOUSE_PREFIX="/prod", CUSTOMHOUSE_EXPLAIN="roles:platform")


def ask(client: httpx.Client, issuer: Issuer, word: str, path: str = "/graphql", **headers: str) -> httpx.Response:
    token = {"Authorization": f"Bearer {issuer.token('ed-1')}"}
    return client.post(path, headers=token | headers, json={"query": f"{{ {word} }}"})


def test_ids_of_a_gateway(edged: Process, issuer: Issuer, come: Come) -> None:
    trusted, stranger = come(edged, TRUSTED), come(edged, STRANGER)
    answer = ask(trusted, issuer, "request", **IDS)
    assert answer.headers["x-request-id"] == answer.json()["data"]["request"] == "ZJ5XjhKLIAMEP3w"
    kong = {"X-Kong-Request-Id": "kong-1"}
    assert ask(trusted, issuer, "request", **kong).headers["x-request-id"] == "kong-1"
    assert trusted.get("/nothing", headers=kong).json()["request_id"] == "kong-1"
    assert ask(trusted, issuer, "request", **{"X-Request-Id": "mine"}).headers["x-request-id"] == "mine"
    assert len(ask(stranger, issuer, "request", **IDS).headers["x-request-id"]) == 32
    assert ask(stranger, issuer, "request", **{"X-Request-Id": "mine"}).headers["x-request-id"] == "mine"


def test_prefixes_of_a_gateway(edged: Process, come: Come) -> None:
    trusted, stranger = come(edged, TRUSTED), come(edged, STRANGER)
    prefix = {"X-Forwarded-Prefix": "/data"}
    assert trusted.get("/", headers=prefix).headers["location"] == "/data/graphql"
    assert trusted.get("/livez", headers=prefix).status_code == 200
    assert trusted.get("/livez", headers={"X-Forwarded-Prefix": "/livez"}).status_code == 200
    assert trusted.get("/", headers={"X-Forwarded-Prefix": "//evil.example"}).headers["location"] == "/graphql"
    assert stranger.get("/", headers=prefix).headers["location"] == "/graphql"


def test_a_stage_that_stays_in_the_path(staged: Process, issuer: Issuer, come: Come) -> None:
    client = come(staged, STRANGER)
    for path in ("/prod/graphql", "/graphql"):
        assert ask(client, issuer, "ok", path).json() == {"data": {"ok": True}}
    assert client.get("/prod/").headers["location"] == "/prod/graphql"
    for path in ("/prod/livez", "/livez"):
        assert client.get(path).json() == {"status": "live"}
    for path in ("/prod", "/production/livez", "/prodlivez", "/prod/prod/livez"):
        assert client.get(path).status_code == 404
    why = client.post(
        "/prod/explain",
        headers={"Authorization": f"Bearer {issuer.token('ed-1', roles=['platform'])}"},
        json={"query": "{ ok }"},
    )
    assert why.status_code == 200
    assert staged.wait_for("request", route="/explain")["status"] == 200


SPOOFED = {
    "X-Amzn-Oidc-Data": "e30.e30.e30",
    "X-Amzn-Oidc-Identity": "admin",
    "X-Apigateway-Api-Userinfo": "eyJzdWIiOiJhZG1pbiJ9",
    "X-Forwarded-Authorization": "Bearer x",
    "X-Jwt-Payload": "eyJzdWIiOiJhZG1pbiJ9",
    "X-Consumer-Id": "1",
    "X-Consumer-Username": "admin",
    "X-Credential-Identifier": "admin",
    "X-Forwarded-User": "admin",
    "X-Forwarded-Email": "admin@example.com",
    "X-Remote-User": "admin",
    "X-Goog-Authenticated-User-Email": "accounts.google.com:admin@example.com",
    "X-Goog-Iap-Jwt-Assertion": "e30.e30.e30",
    "Cf-Access-Jwt-Assertion": "e30.e30.e30",
    "X-Ms-Client-Principal": "e30",
    "Forwarded": "for=10.0.0.1",
    "X-Envoy-Expected-Rq-Timeout-Ms": "1",
    "X-Request-Timeout-Ms": "1",
    "Grpc-Timeout": "1m",
    "X-Forwarded-Prefix": "/evil",
    "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}


@pytest.mark.parametrize("source", [TRUSTED, STRANGER])
def test_whoever_asks_is_who_the_token_says(edged: Process, issuer: Issuer, come: Come, source: str) -> None:
    """No header makes a caller where the settings name none, wherever it comes from; nor does it without a token."""
    client, spoofed = come(edged, source), {k: v for k, v in SPOOFED.items() if not k.endswith(("-Ms", "Timeout"))}
    plain = ask(client, issuer, "whoami").json()
    assert ask(client, issuer, "whoami", **spoofed).json() == plain
    bare = client.post("/graphql", headers=spoofed, json={"query": "{ whoami }"})
    assert (bare.status_code, bare.json()["errors"][0]["extensions"]["code"]) == (401, "CH301")


def test_a_stranger_changes_nothing(edged: Process, issuer: Issuer, come: Come) -> None:
    client = come(edged, STRANGER)
    plain, spoofed = ask(client, issuer, "nap"), ask(client, issuer, "nap", **SPOOFED)
    assert spoofed.json() == plain.json() == {"data": {"nap": True}}
    kept = [
        {name: text for name, text in answer.headers.items() if name not in ("date", "x-request-id")}
        for answer in (plain, spoofed)
    ]
    assert kept[0] == kept[1]

"""An Application Load Balancer that signs callers in: what it says is believed if it is its own, in time, for us, and
comes from where it stands; and every way to forge it is refused."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from tests.app.conftest import Start, write_project
from tests.app.issuer import Issuer
from tests.app.process import Process
from tests.edge.balancer import KID, SIGNER, Region, said
from tests.edge.conftest import STRANGER, TRUSTED, Come

HEADER = "x-amzn-oidc-data"


@pytest.fixture(scope="module")
def region() -> Iterator[Region]:
    made = Region()
    yield made
    made.close()


@pytest.fixture(scope="module")
def behind(start: Start, issuer: Issuer, region: Region, tmp_path_factory: pytest.TempPathFactory) -> Process:
    project = write_project(tmp_path_factory.mktemp("alb") / "p", issuer.url)
    identity = f"format=alb header={HEADER} peers={TRUSTED}/32 signer={SIGNER} keys={region.url}"
    return start(project, CUSTOMHOUSE_GATEWAY_IDENTITY=identity)


def whoami(client: httpx.Client, **headers: str) -> httpx.Response:
    return client.post("/graphql", headers=headers, json={"query": "{ whoami }"})


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


def test_who_the_balancer_says(behind: Process, issuer: Issuer, region: Region, come: Come) -> None:
    client = come(behind, TRUSTED)
    value = said(issuer.url)
    assert "=" in value
    for _ in range(3):
        answer = whoami(client, **{HEADER: value}).json()["data"]["whoami"]
        assert answer[:5] == ["ann", None, "internal", "eu-west-1", {"roles": ["analyst"], "tenant": "north"}]
    assert region.fetched == 1
    token = issuer.token("ed-1", sub="ann", roles=["analyst"], tenant="north")
    assert whoami(client, Authorization=f"Bearer {token}").json()["data"]["whoami"] == answer
    for path in ("/catalog", "/schema.graphql"):
        assert client.get(path).status_code == 401
    assert client.get("/catalog", headers={HEADER: value}).status_code == 200


def test_claims_are_typed_as_those_of_a_token(behind: Process, issuer: Issuer, come: Come) -> None:
    client = come(behind, TRUSTED)
    claims = {"sub": "ann", "roles": "analyst", "tenant": 7, "purposes": ["fraud"]}
    answer = whoami(client, **{HEADER: said(issuer.url, claims), "X-Purpose": "fraud"})
    assert answer.json()["data"]["whoami"][:5] == ["ann", "fraud", "internal", "eu-west-1", {}]
    assert code(whoami(client, **{HEADER: said(issuer.url, claims), "X-Purpose": "sale"})) == (403, "CH310")


def test_from_elsewhere_it_is_a_text_like_any_other(behind: Process, issuer: Issuer, come: Come) -> None:
    stranger = come(behind, STRANGER)
    assert code(whoami(stranger, **{HEADER: said(issuer.url)})) == (401, "CH301")
    assert stranger.get("/catalog", headers={HEADER: said(issuer.url)}).status_code == 401
    token = {"Authorization": f"Bearer {issuer.token('ed-1', sub='bob')}"}
    assert whoami(stranger, **token, **{HEADER: said(issuer.url)}).json()["data"]["whoami"][0] == "bob"


def test_two_callers_are_none(behind: Process, issuer: Issuer, come: Come) -> None:
    client = come(behind, TRUSTED)
    token = {"Authorization": f"Bearer {issuer.token('ed-1', sub='bob')}"}
    assert whoami(client, **token).json()["data"]["whoami"][0] == "bob"  # and is remembered
    assert code(whoami(client, **token, **{HEADER: said(issuer.url)})) == (401, "CH315")
    twice = [(HEADER, said(issuer.url)), (HEADER, said(issuer.url, {"sub": "eve"}))]
    assert code(client.post("/graphql", headers=twice, json={"query": "{ whoami }"})) == (401, "CH315")


def unsigned(value: str) -> str:
    head, payload, _ = value.split(".")
    header = json.loads(base64.urlsafe_b64decode(head)) | {"alg": "none"}
    return base64.urlsafe_b64encode(json.dumps(header).encode()).decode() + "." + payload + ".AA=="


def swapped(value: str) -> str:
    head, _, signature = value.split(".")
    return f"{head}.{base64.urlsafe_b64encode(json.dumps({'sub': 'root'}).encode()).decode()}.{signature}"


OTHER = SIGNER.replace("front", "theirs")
FORGED = {
    "not a signed text": (lambda iss: "e30.e30", "CH314"),
    "too long": (lambda iss: said(iss, {"sub": "x" * 9000}), "CH314"),
    "unsigned": (lambda iss: unsigned(said(iss)), "CH314"),
    "another payload": (lambda iss: swapped(said(iss)), "CH314"),
    "another load balancer": (lambda iss: said(iss, signer=OTHER), "CH314"),
    "no load balancer": (lambda iss: said(iss, signer=None), "CH314"),
    "another key": (lambda iss: said(iss, key="p256-other"), "CH314"),
    "another algorithm": (lambda iss: said(iss, key="rsa-1"), "CH314"),
    "a key id that is a path": (lambda iss: said(iss, kid=f"../{KID}"), "CH314"),
    "another issuer": (lambda iss: said("https://elsewhere.example"), "CH303"),
    "another client": (lambda iss: said(iss, client="theirs"), "CH306"),
    "no client": (lambda iss: said(iss, client=None), "CH306"),
    "over": (lambda iss: said(iss, exp=int(time.time()) - 1), "CH305"),
    "without an end": (lambda iss: said(iss, exp=None), "CH307"),
    "nobody": (lambda iss: said(iss, {"email": "ann@x.example"}), "CH307"),
    "two issuers": (lambda iss: said(iss, {"sub": "ann", "iss": "https://elsewhere.example"}), "CH314"),
    "keys twice": (lambda iss: said(iss).replace(".", ".eyJhIjoxLCJhIjoyfQ==.", 1).rpartition(".")[0], "CH314"),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_is_forged(name: str, behind: Process, issuer: Issuer, come: Come) -> None:
    forge, want = FORGED[name]
    assert code(whoami(come(behind, TRUSTED), **{HEADER: forge(issuer.url)})) == (401, want)


def test_keys_that_cannot_be_had(
    start: Start, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory, come: Come
) -> None:
    """Known keys go on; an outage is no verdict on the caller; of invented key ids one is asked for each second."""
    region = Region()
    project = write_project(tmp_path_factory.mktemp("alb") / "p", issuer.url)
    identity = f"format=alb header={HEADER} peers={TRUSTED} signer={SIGNER} keys={region.url}/"
    client = come(start(project, CUSTOMHOUSE_GATEWAY_IDENTITY=identity), TRUSTED)
    region.mode = "down"
    assert code(whoami(client, **{HEADER: said(issuer.url)})) == (503, "CH316")
    region.mode = "up"
    time.sleep(1.1)  # the pace of asking
    assert whoami(client, **{HEADER: said(issuer.url)}).status_code == 200
    region.mode, before = "down", region.fetched
    assert whoami(client, **{HEADER: said(issuer.url, {"sub": "bob"})}).status_code == 200
    began = time.monotonic()
    for at in range(20):
        assert code(whoami(client, **{HEADER: said(issuer.url, kid=f"invented-{at}")})) == (503, "CH316")
    assert region.fetched - before <= 1 + (time.monotonic() - began)
    region.close()

"""Google's API Gateway: the claims it forwards are believed beside its own ID token for us, and beside no other."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.app.conftest import Start, write_project
from tests.app.issuer import Issuer, alg_of, sign
from tests.app.process import Process
from tests.edge.conftest import STRANGER, TRUSTED, Come

HEADER, OURS, ACCOUNT = "x-apigateway-api-userinfo", "https://data.example", "gateway@project.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def google() -> Iterator[Issuer]:
    made = Issuer("rsa-google")
    yield made
    made.close()


@pytest.fixture(scope="module")
def behind(start: Start, issuer: Issuer, google: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Process:
    project = write_project(tmp_path_factory.mktemp("gcp") / "p", issuer.url)
    identity = f"format=gcp header={HEADER} peers={TRUSTED} audience={OURS} caller={ACCOUNT} keys={google.url}/jwks"
    return start(project, CUSTOMHOUSE_GATEWAY_IDENTITY=identity)


def id_token(*, key: str = "rsa-google", **over: object) -> str:
    now = int(time.time())
    claims = {
        "iss": "https://accounts.google.com",
        "aud": OURS,
        "sub": "1",
        "email": ACCOUNT,
        "email_verified": True,
        "iat": now,
        "exp": now + 3600,
    } | over
    return "Bearer " + sign(key, {"alg": alg_of(key), "kid": key, "typ": "JWT"}, claims)


def userinfo(issuer: Issuer, **over: object) -> str:
    claims: Mapping[str, object] = issuer.claims(**{"sub": "ann", "roles": ["analyst"], "tenant": 7} | over)
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


def whoami(client: httpx.Client, **headers: str) -> httpx.Response:
    said = {name.replace("_", "-"): text for name, text in headers.items()}
    return client.post("/graphql", headers=said, json={"query": "{ whoami }"})


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["extensions"]["code"]


def test_who_the_gateway_says(behind: Process, issuer: Issuer, come: Come) -> None:
    client = come(behind, TRUSTED)
    answer = whoami(client, **{HEADER: userinfo(issuer), "Authorization": id_token()})
    assert answer.json()["data"]["whoami"][:5] == ["ann", None, "internal", "eu-west-1", {"roles": ["analyst"]}]


@pytest.mark.parametrize(
    "over",
    [
        {"aud": "https://another.example"},
        {"aud": [OURS]},
        {"email": "anybody@another.iam.gserviceaccount.com"},
        {"email_verified": "true"},
        {"iss": "https://accounts.evil.example"},
        {"exp": int(time.time()) - 1},
        {"iat": int(time.time()) + 3600},
        {"exp": None},
        {"key": "rsa-1"},
        {"key": "rsa-other"},
    ],
    ids=str,
)
def test_claims_alone_are_nothing(over: dict[str, Any], behind: Process, issuer: Issuer, come: Come) -> None:
    """Anybody's service account gets an ID token for any audience: the account is looked at, too."""
    client, token = come(behind, TRUSTED), id_token(**over)
    assert code(whoami(client, **{HEADER: userinfo(issuer), "Authorization": token}))[0] == 401
    own = f"Bearer {issuer.token('ed-1', sub='bob')}"
    said = {HEADER: userinfo(issuer), "Authorization": token, "X-Forwarded-Authorization": own}
    assert whoami(client, **said).json()["data"]["whoami"][0] == "bob"


def test_claims_without_any_token(behind: Process, issuer: Issuer, come: Come) -> None:
    assert code(whoami(come(behind, TRUSTED), **{HEADER: userinfo(issuer)})) == (401, "CH302")


@pytest.mark.parametrize(
    ("said", "want"),
    [
        ({"iss": "https://elsewhere.example"}, "CH303"),
        ({"exp": 1}, "CH305"),
        ({"aud": "theirs"}, "CH306"),
        ({"sub": ""}, "CH307"),
    ],
)
def test_claims_are_held_to_what_tokens_are(
    said: dict[str, object], want: str, behind: Process, issuer: Issuer, come: Come
) -> None:
    answer = whoami(come(behind, TRUSTED), **{HEADER: userinfo(issuer, **said), "Authorization": id_token()})
    assert code(answer) == (401, want)


@pytest.mark.parametrize("text", ["!", "e30K", "W10", base64.b64encode(b'{"a":1,"a":2}').decode()])
def test_claims_that_cannot_be_read(text: str, behind: Process, issuer: Issuer, come: Come) -> None:
    answer = whoami(come(behind, TRUSTED), **{HEADER: text, "Authorization": id_token()})
    assert code(answer) in ((401, "CH314"), (401, "CH303"))


def test_the_clients_own_token_is_verified_here(behind: Process, issuer: Issuer, come: Come) -> None:
    client = come(behind, TRUSTED)
    own = f"Bearer {issuer.token('ed-1', sub='bob')}"
    said = {"Authorization": id_token(), "X-Forwarded-Authorization": own}
    assert whoami(client, **said).json()["data"]["whoami"][0] == "bob"
    forged = f"Bearer {issuer.token('ed-1')[:-4]}AAAA"
    assert code(whoami(client, **said | {"X-Forwarded-Authorization": forged})) == (401, "CH304")
    assert whoami(client, Authorization=own).json()["data"]["whoami"][0] == "bob"


def test_from_elsewhere_only_authorization_counts(behind: Process, issuer: Issuer, come: Come) -> None:
    stranger, own = come(behind, STRANGER), f"Bearer {issuer.token('ed-1', sub='bob')}"
    assert code(whoami(stranger, **{HEADER: userinfo(issuer), "Authorization": id_token()})) == (401, "CH303")
    assert code(whoami(stranger, **{"X-Forwarded-Authorization": own})) == (401, "CH301")
    said = {HEADER: userinfo(issuer), "Authorization": own}
    assert whoami(stranger, **said).json()["data"]["whoami"][0] == "bob"

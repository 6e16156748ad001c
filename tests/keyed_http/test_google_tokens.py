"""Vertex AI with google-auth's own default chain: a service account's file whose token server is a stand-in.

Proves that credentials are found, exchanged, kept, renewed and sent by our side; not that Google takes them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from schema.errors import Refusal
from tests.keyed_http.products import CANARY, call, column, model, opened
from tests.keyed_http.stand_in import Reply, Request, said, standing_in

PRODUCT = model([column("x", "float")], [column("p", "float")])


@pytest.fixture(scope="module")
def key() -> Iterator[rsa.RSAPrivateKey]:
    yield rsa.generate_private_key(65537, 2048)


def account(at: Path, key: rsa.RSAPrivateKey, token_uri: str) -> Path:
    """A service account's file."""
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = at / "account.json"
    fields = {"type": "service_account", "project_id": "p", "private_key_id": "1", "private_key": private.decode()}
    file.write_text(json.dumps({**fields, "client_email": "it@p.example", "client_id": "1", "token_uri": token_uri}))
    return file


async def test_a_service_account(tmp_path: Path, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many calls, one token; a short-lived one is renewed."""
    lives = 3600

    def answer(request: Request) -> Reply:
        if request.path != "/token":
            return said({"predictions": [0.5]})
        assertion = parse_qs(request.body.decode())["assertion"][0]
        claims = jwt.decode(assertion, key.public_key(), ["RS256"], options={"verify_aud": False})
        assert (claims["iss"], claims["scope"]) == ("it@p.example", "https://www.googleapis.com/auth/cloud-platform")
        return said({"access_token": f"token-{len(server.requests)}", "expires_in": lives, "token_type": "Bearer"})

    async with standing_in(answer) as server:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account(tmp_path, key, f"{server.url}/token")))
        backend = opened("vertex", server.url, "europe-west4", project="p")
        found = await asyncio.gather(*(backend.find(PRODUCT, [(float(n),)], ("p",), call()) for n in range(8)))
        assert found == [[{"p": 0.5}]] * 8
        sent = {request.headers["authorization"] for request in server.requests if request.path != "/token"}
        assert sent == {"Bearer token-1"}
        assert sum(request.path == "/token" for request in server.requests) == 1
        await backend.close()

        lives = 1
        backend = opened("vertex", server.url, "europe-west4", project="p")
        server.requests.clear()
        for n in range(3):
            await backend.find(PRODUCT, [(float(n),)], ("p",), call())
        assert sum(request.path == "/token" for request in server.requests) == 3
        await backend.close()


async def test_no_credentials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "broken.json").write_text(f'{{"type": "{CANARY}"}}')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "broken.json"))
    backend = opened("vertex", "http://127.0.0.1:9", "europe-west4", project="p")
    with pytest.raises(Refusal) as caught:
        await backend.find(PRODUCT, [(1.0,)], ("p",), call())
    assert caught.value.code == "CH501"
    assert "no token from Google: DefaultCredentialsError" in caplog.text
    await backend.close()


async def test_a_token_server_that_refuses(
    tmp_path: Path, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with standing_in(lambda request: Reply(json.dumps({"error": CANARY}).encode(), 400)) as server:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account(tmp_path, key, f"{server.url}/token")))
        backend = opened("vertex", server.url, "europe-west4", project="p")
        with pytest.raises(Refusal) as caught:
            await backend.find(PRODUCT, [(1.0,)], ("p",), call())
        assert caught.value.code == "CH501"
        assert "no token from Google: RefreshError" in caplog.text
        await backend.close()


async def test_a_token_server_that_is_slow(
    tmp_path: Path, key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with standing_in(lambda request: said({})) as server:
        begun, end = asyncio.Event(), asyncio.Event()

        async def instead(request: Request, connection: object) -> None:
            begun.set()
            await end.wait()

        server.instead = instead
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(account(tmp_path, key, f"{server.url}/token")))
        backend = opened("vertex", server.url, "europe-west4", project="p")
        with pytest.raises(Refusal) as caught:
            await backend.find(PRODUCT, [(1.0,)], ("p",), call(1.5))
        assert caught.value.code == "CH503"
        assert begun.is_set()
        end.set()
        server.instead = None
        await backend.close()

"""Tokens: what passes, and the table of attacks that must not, against keys fetched from an issuer over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from app.authenticate import Authenticator
from app.tokens.fetch import fetch
from app.tokens.keyset import KeySet, Pace
from app.tokens.verify import Trusted
from schema.caller import Caller
from schema.catalog import Claim, ClaimPath
from schema.catalog import Issuer as Declared
from schema.errors import Place, Refusal
from schema.types import STRING
from schema.zone import Zone
from tests.app.attacks import attacks
from tests.app.issuer import Issuer, alg_of, jwk, sign

PLACE = Place("customhouse.yaml")
PACE = Pace()
ZONE = Zone("internal", ("test",), PLACE, region="eu-west-1")
DECLARED = {"roles": Claim("roles", STRING, True, PLACE), "tenant": Claim("tenant", STRING, False, PLACE)}
PATHS = {name: ClaimPath(name, ((name,),)) for name in ("roles", "tenant", "purposes")}


def declared(issuer: Issuer, **over: object) -> Declared:
    base = Declared(
        "test",
        issuer.url,
        ("customhouse", "other"),
        ("RS256", "ES256", "EdDSA"),
        PATHS,
        PLACE,
        jwks_url=issuer.url + "/jwks",
        purposes=PATHS["purposes"],
        max_lifetime=86400.0,
    )
    return replace(base, **over)  # type: ignore[arg-type]  # a test names the fields it means


def keyset(source: Declared, pace: Pace = PACE) -> KeySet:
    return KeySet(source.name, source.algorithms, lambda: fetch(source, Path()), pace)


@pytest.fixture(scope="module")
def crowded() -> Iterator[Issuer]:
    """An issuer that lists, beside good keys, some that must not be used."""
    issuer = Issuer("rsa-1", "p256-1", "ed-1", "rsa1024-weak")
    issuer.keys += [
        jwk("rsa-encryption", use="enc"),
        jwk("ed-signing", key_ops=["sign"]),
        {"kty": "oct", "kid": "oct-1", "alg": "HS256", "k": "c2VjcmV0"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": 7},
        {"kty": "EC", "kid": "curve", "crv": ["P-256"]},
    ]
    yield issuer
    issuer.close()


def authenticator(issuer: Issuer, pace: Pace = PACE) -> Authenticator:
    source = declared(issuer)
    return Authenticator(ZONE, {source.issuer: Trusted(source, keyset(source, pace))}, DECLARED)


async def ask(gate: Authenticator, token: str, *more: tuple[bytes, bytes]) -> Caller | Refusal:
    try:
        return await gate.authenticate([(b"authorization", b"Bearer " + token.encode("latin-1", "replace")), *more])
    except Refusal as refusal:
        return refusal


async def test_attacks(crowded: Issuer) -> None:
    gate = authenticator(crowded)
    passed, wrong, tried = [], [], 0
    for name, token, codes in attacks(crowded):
        tried += 1
        found = await ask(gate, token)
        if isinstance(found, Caller):
            passed.append(name)
        elif found.status != 401 or found.code not in codes | {"CH302"} & {found.code if not token.isascii() else ""}:
            wrong.append((name, found.code, codes))
    assert passed == []
    assert wrong == []
    assert tried > 500
    assert isinstance(await ask(gate, crowded.token("rsa-1")), Caller)


def test_attacks_over_http(client: httpx.Client, issuer: Issuer) -> None:
    """A sample of the same through the server: always 401 with a code, never 500."""
    table = [token for _, token, _ in attacks(issuer) if token.isascii() and token.isprintable()]
    for token in table[:: max(1, len(table) // 120)]:
        response = client.get("/graphql?query={ok}", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 401, token
        assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        assert response.json()["errors"][0]["extensions"]["code"].startswith("CH30")


@pytest.mark.parametrize("kid", ["rsa-1", "p256-1", "ed-1"])
@pytest.mark.parametrize(
    ("header", "over"),
    [
        ({}, {}),
        ({"typ": None}, {}),
        ({"typ": "at+jwt"}, {}),
        ({"typ": "AT+JWT"}, {}),
        ({"typ": "jwt"}, {}),
        ({"jku": "https://elsewhere.example/keys", "x5t": "x", "cty": "x"}, {}),
        ({}, {"aud": ["x", "other"]}),
        ({}, {"iat": None}),
        ({}, {"nbf": 0}),
        ({}, {"sub": "Zoë ☃"}),
        ({}, {"extra": {"deep": [1, {"a": None}]}}),
    ],
)
async def test_passes(kid: str, header: dict[str, object], over: dict[str, object], crowded: Issuer) -> None:
    said = {"alg": alg_of(kid), "kid": kid, "typ": "JWT", **header}
    token = sign(kid, {name: value for name, value in said.items() if value is not None}, crowded.claims(**over))
    found = await ask(authenticator(crowded), token)
    assert isinstance(found, Caller)
    assert (found.subject, found.zone, found.region) == (over.get("sub", "somebody"), "internal", "eu-west-1")


async def test_caller(crowded: Issuer) -> None:
    """The same papers give the same digest; any part that differs gives another."""
    gate = authenticator(crowded)
    roles = {"roles": ["a", None], "tenant": "t", "purposes": ["fraud", "care"]}
    found = await ask(gate, crowded.token("ed-1", **roles))
    assert isinstance(found, Caller)
    assert (found.claims, found.purpose) == ({"roles": ("a", None), "tenant": "t"}, None)
    again = await ask(gate, crowded.token("rsa-1", **roles, jti="other"))
    assert isinstance(again, Caller)
    assert again.digest == found.digest
    digests = {found.digest}
    purpose = await ask(gate, crowded.token("ed-1", **roles), (b"x-purpose", b"fraud"))
    assert isinstance(purpose, Caller)
    assert purpose.purpose == "fraud"
    digests.add(purpose.digest)
    for over in ({"sub": "x"}, {"tenant": "u"}, {"tenant": None}, {"roles": ["a"]}, {"roles": []}, {"roles": "a"}):
        other = await ask(gate, crowded.token("ed-1", **{**roles, **over}))
        assert isinstance(other, Caller)
        digests.add(other.digest)
    assert len(digests) == 8
    none = await ask(gate, crowded.token("ed-1", **{**roles, "roles": None}))
    assert isinstance(none, Caller)
    assert none.digest in digests  # a claim of the wrong type is no claim at all


@pytest.mark.parametrize("purpose", [b"marketing", b"fraud,care", b"Fraud", b"\xe9"])
async def test_purpose_that_is_not_listed(purpose: bytes, crowded: Issuer) -> None:
    token = crowded.token("ed-1", purposes=["fraud", "care"])
    found = await ask(authenticator(crowded), token, (b"x-purpose", purpose))
    assert isinstance(found, Refusal)
    assert (found.code, found.status) == ("CH310", 403)


async def test_headers(crowded: Issuer) -> None:
    gate, token = authenticator(crowded), crowded.token("ed-1", purposes=["a"]).encode()
    for scheme in (b"Bearer ", b"bearer  ", b"BEARER "):
        assert (await gate.authenticate([(b"authorization", scheme + token)])).subject == "somebody"
    assert (await gate.authenticate([(b"authorization", b"Bearer " + token), (b"x-purpose", b" ")])).purpose is None
    refused: list[tuple[list[tuple[bytes, bytes]], str]] = [
        ([], "CH301"),
        ([(b"authorization", b"Bearer " + token)] * 2, "CH302"),
        ([(b"authorization", b"Bearer")], "CH302"),
        ([(b"authorization", b"Bearer " + token + b" x")], "CH302"),
        ([(b"authorization", b"Token " + token)], "CH302"),
        ([(b"authorization", token)], "CH302"),
        ([(b"authorization", b"Bearer " + token), (b"x-purpose", b"a"), (b"x-purpose", b"a")], "CH310"),
    ]
    for headers, code in refused:
        with pytest.raises(Refusal) as refusal:
            await gate.authenticate(headers)
        assert refusal.value.code == code


@pytest.fixture
async def own() -> AsyncIterator[Issuer]:
    """An issuer a test may rotate and break."""
    issuer = Issuer("rsa-1")
    yield issuer
    issuer.close()


async def test_a_token_is_verified_once_and_never_used_past_its_expiry(
    own: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, clock = authenticator(own), [0.0]
    monkeypatch.setattr("app.authenticate.time.time", lambda: clock[0] or 1.0)
    token = own.token("rsa-1")
    first = await ask(gate, token)
    assert isinstance(first, Caller)
    assert await ask(gate, token) is first
    clock[0] = first.expires
    after = await ask(gate, token)
    assert isinstance(after, Refusal)
    assert after.code == "CH305"


async def test_what_is_remembered_is_bounded(own: Issuer) -> None:
    source = declared(own)
    gate = Authenticator(ZONE, {source.issuer: Trusted(source, keyset(source))}, DECLARED, remember=3)
    tokens = [own.token("rsa-1", sub=f"s{at}") for at in range(5)]
    first = [await ask(gate, token) for token in tokens]
    assert len(gate._known) == 3
    assert [await ask(gate, token) for token in tokens] == first


async def test_rotation(own: Issuer) -> None:
    """A new key is found at once; a retired one is dropped at the next refresh, remembered tokens with it."""
    source = declared(own)
    keys = keyset(source, Pace(unknown_kid=0.0))
    gate = Authenticator(ZONE, {source.issuer: Trusted(source, keys)}, DECLARED)
    old = own.token("rsa-1")
    assert isinstance(await ask(gate, old), Caller)
    own.keys = [jwk("rsa-1"), jwk("ed-1")]
    assert isinstance(await ask(gate, own.token("ed-1")), Caller)
    assert isinstance(await ask(gate, old), Caller)
    own.keys = [jwk("ed-1")]
    await keys.refresh()
    retired = await ask(gate, old)
    assert isinstance(retired, Refusal)
    assert retired.code == "CH303"
    own.keys = []
    await keys.refresh()
    assert isinstance(await ask(gate, own.token("ed-1")), Refusal)


async def test_a_key_that_changes_under_its_name_is_another_key(own: Issuer) -> None:
    source = declared(own)
    keys = keyset(source)
    gate = Authenticator(ZONE, {source.issuer: Trusted(source, keys)}, DECLARED)
    token = own.token("rsa-1")
    assert isinstance(await ask(gate, token), Caller)
    own.keys = [jwk("rsa-2", kid="rsa-1")]
    await keys.refresh()
    found = await ask(gate, token)
    assert isinstance(found, Refusal)
    assert found.code == "CH304"


@pytest.mark.parametrize("mode", ["down", "garbage", "redirect", "long"])
async def test_outage_keeps_known_keys(mode: str, own: Issuer) -> None:
    source = declared(own)
    keys = keyset(source, Pace(unknown_kid=0.0))
    gate = Authenticator(ZONE, {source.issuer: Trusted(source, keys)}, DECLARED)
    assert isinstance(await ask(gate, own.token("rsa-1")), Caller)
    own.mode = mode
    await keys.refresh()
    assert isinstance(await ask(gate, own.token("rsa-1", sub="another")), Caller)
    unknown = await ask(gate, own.token("ed-1"))
    assert isinstance(unknown, Refusal)
    assert unknown.code == "CH303"
    own.mode, own.keys = "up", [jwk("ed-1")]
    await keys.refresh()
    assert isinstance(await ask(gate, own.token("ed-1")), Caller)


async def test_keys_that_were_never_had_are_a_503(own: Issuer) -> None:
    own.mode = "down"
    found = await ask(authenticator(own), own.token("rsa-1"))
    assert isinstance(found, Refusal)
    assert (found.code, found.status) == ("CH320", 503)


async def test_unknown_kids_ask_once(own: Issuer) -> None:
    """A flood of tokens with kids nobody knows makes one fetch, which they share, and none again for a while."""
    source = declared(own)
    keys = keyset(source, Pace(unknown_kid=3600.0))
    gate = Authenticator(ZONE, {source.issuer: Trusted(source, keys)}, DECLARED)
    await keys.refresh()
    before = own.fetched
    tokens = [sign("rsa-1", {"alg": "RS256", "kid": f"k{at}"}, own.claims()) for at in range(20)]
    found = await asyncio.gather(*(ask(gate, token) for token in tokens))
    assert {one.code for one in found if isinstance(one, Refusal)} == {"CH303"}
    assert own.fetched == before + 1
    await ask(gate, tokens[0])
    assert own.fetched == before + 1


async def test_kept_fresh_in_the_background(own: Issuer) -> None:
    own.mode = "down"
    keys = keyset(declared(own), Pace(refresh=0.05))
    keys.start()
    try:
        own.mode = "up"
        await _until(lambda: keys.loaded)
        generation, own.keys = keys.generation, [jwk("ed-1")]
        await _until(lambda: keys.generation > generation)
        assert await keys.find("rsa-1", "RS256") is None
    finally:
        await keys.close()


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_where_keys_come_from(own: Issuer, tmp_path: Path) -> None:
    """URL, discovery and file; discovery that names another issuer, and plain HTTP beyond loopback, are refused."""
    (tmp_path / "keys.json").write_bytes(own.answer("/jwks")[1])
    base = declared(own, jwks_url=None)
    for source in (replace(base, oidc=True), replace(base, jwks_file="keys.json"), declared(own)):
        keys = KeySet("test", source.algorithms, lambda source=source: fetch(source, tmp_path), Pace())
        await keys.refresh()
        assert keys.loaded
    own.mode = "impostor"
    for source in (
        replace(base, oidc=True),
        replace(base, jwks_file="absent.json"),
        replace(base, jwks_url="http://keys.example/jwks"),
        replace(base, jwks_url="file:///etc/passwd"),
        replace(base, jwks_url="nonsense"),
    ):
        keys = KeySet("test", source.algorithms, lambda source=source: fetch(source, tmp_path), Pace())
        await keys.refresh()
        assert not keys.loaded

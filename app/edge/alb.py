"""What an Application Load Balancer says of a caller that it has logged in: ``x-amzn-oidc-data``.

1. Take it apart: three parts in base64url, with padding, which no JWT has; the signature is over that text.
2. ``alg`` is ES256 and ``signer`` the one load balancer that the settings name: its keys sign for everybody's.
3. Verify with the key that the region's endpoint gives for ``kid``.
4. The header's ``iss``, ``client`` and ``exp`` are what ``iss``, ``aud`` and ``exp`` are in a token, and from here on
   it is treated as one: the zone's issuer of that name, its audiences, its mapping of claims.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import re
import time
import urllib.error
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.edge.identity import GatewayIdentity
from app.log import event
from app.tokens.compact import MOST_BYTES, Compact
from app.tokens.fetch import TIMEOUT, get
from app.tokens.strict import json_object
from app.tokens.verify import Papers, Trusted, papers_of
from schema.catalog import Claim
from schema.errors import Refusal

_PARTS = re.compile(r"([A-Za-z0-9_-]+={0,2})\.([A-Za-z0-9_-]+={0,2})\.([A-Za-z0-9_-]+={0,2})")
_KID = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEYS, _PACE = 32, 1.0


@dataclass(frozen=True, slots=True)
class Signed:
    """The header's value, taken apart and not yet believed."""

    header: Mapping[str, object]
    payload: Mapping[str, object]
    text: bytes
    signature: bytes


def not_believed(sentence: str) -> Refusal:
    return Refusal("CH314", sentence, "Ask through the gateway, and sign in anew.", status=401)


def take_apart(value: bytes) -> Signed:
    """Raises Refusal CH314."""
    match = _PARTS.fullmatch(value.decode("latin-1")) if len(value) <= MOST_BYTES else None
    if match is None:
        raise not_believed("What the gateway says of the caller is not a signed text.")
    try:
        header, payload = (json_object(_decoded(match[part])) for part in (1, 2))
        signature = _decoded(match[3])
    except ValueError as error:
        raise not_believed("What the gateway says of the caller is not strict JSON.") from error
    return Signed(header, payload, f"{match[1]}.{match[2]}".encode("ascii"), signature)


def _decoded(part: str) -> bytes:
    bare = part.rstrip("=")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


class LoadBalancer:
    """Verifies what one load balancer says. ``fetch`` gives the text at an address and may block."""

    def __init__(self, identity: GatewayIdentity, fetch: Callable[[str, float], bytes] = get) -> None:
        self._identity, self._keys = identity, Keys(_endpoint(identity), fetch)

    async def papers(
        self, said: Mapping[bytes, bytes], issuers: Mapping[str, Trusted], declared: Mapping[str, Claim]
    ) -> Papers:
        """Raises Refusal CH303, CH305 to CH307, CH314, CH315 or CH316."""
        if b"authorization" in said:
            raise Refusal(
                "CH315",
                "The request names two callers.",
                "Send no Authorization header through a gateway that signs callers in.",
                status=401,
            )
        signed = take_apart(said[b":" + self._identity.header])
        header = signed.header
        kid = header.get("kid")
        if header.get("alg") != "ES256" or not isinstance(kid, str) or not _KID.fullmatch(kid):
            raise not_believed("What the gateway says of the caller is signed in another way.")
        if header.get("signer") != self._identity.signer:
            raise not_believed("What the gateway says of the caller is signed by another load balancer.")
        _verify(signed, await self._keys.find(kid))
        payload = {**signed.payload, **{name: header.get(of) for name, of in _OURS if of in header}}
        if "iss" in signed.payload and signed.payload["iss"] != payload["iss"]:
            raise not_believed("What the gateway says of the caller names two issuers.")
        return papers_of(Compact("", "ES256", kid, payload), issuers, declared)


_OURS = (("iss", "iss"), ("aud", "client"), ("exp", "exp"))


def _endpoint(identity: GatewayIdentity) -> str:
    """Where the keys of the load balancer's region are."""
    if identity.keys is not None:
        return identity.keys.rstrip("/") + "/"
    _, partition, _, region, *_ = identity.signer.split(":")
    if partition == "aws-us-gov":
        return f"https://s3-{region}.amazonaws.com/aws-elb-public-keys-prod-{region}/"
    end = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    return f"https://public-keys.auth.elb.{region}.{end}/"


def _verify(signed: Signed, key: EllipticCurvePublicKey) -> None:
    if len(signed.signature) != 64:
        raise not_believed("The gateway's signature does not fit.")
    r, s = (int.from_bytes(part, "big") for part in (signed.signature[:32], signed.signature[32:]))
    try:
        key.verify(encode_dss_signature(r, s), signed.text, ECDSA(SHA256()))
    except InvalidSignature as error:
        raise not_believed("The gateway's signature does not fit.") from error


class Keys:
    """A region's keys by kid. A kid has one key for ever, so what is known is not asked again; unknown ones are asked
    for at most once a second, however many callers bring one."""

    def __init__(self, endpoint: str, fetch: Callable[[str, float], bytes]) -> None:
        self._endpoint, self._fetch = endpoint, fetch
        self._known: dict[str, EllipticCurvePublicKey] = {}
        self._asking: dict[str, asyncio.Task[EllipticCurvePublicKey | None]] = {}
        self._asked = float("-inf")

    async def find(self, kid: str) -> EllipticCurvePublicKey:
        """Raises Refusal CH314 where there is no such key, CH316 where it cannot be had."""
        known = self._known.get(kid)
        if known is not None:
            return known
        if kid not in self._asking:
            now = time.monotonic()
            if now - self._asked < _PACE:
                raise _unavailable()
            self._asked = now
            task = self._asking[kid] = asyncio.create_task(self._load(kid))
            task.add_done_callback(lambda _: self._asking.pop(kid, None))
        done, _ = await asyncio.wait({self._asking[kid]}, timeout=TIMEOUT + 1)
        if not done:
            raise _unavailable()
        found = done.pop().result()
        if found is None:
            raise not_believed(
                "What the gateway says of the caller is signed with a key that its region does not list."
            )
        return found

    async def _load(self, kid: str) -> EllipticCurvePublicKey | None:
        try:
            text = await asyncio.to_thread(self._fetch, self._endpoint + kid, time.monotonic() + TIMEOUT)
            key = load_pem_public_key(text)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code in (403, 404):
                return None
            event("gateway_keys_unavailable", "warning", reason=f"status {error.code}")
            raise _unavailable() from None
        except (OSError, ValueError, UnsupportedAlgorithm, http.client.HTTPException) as error:
            event("gateway_keys_unavailable", "warning", reason=type(error).__name__)
            raise _unavailable() from None
        if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
            return None
        while len(self._known) >= _KEYS:
            self._known.pop(next(iter(self._known)))
        self._known[kid] = key
        return key


def _unavailable() -> Refusal:
    return Refusal("CH316", "The gateway's keys cannot be had at the moment.", "Try again shortly.", status=503)

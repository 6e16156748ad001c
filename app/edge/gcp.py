"""What Google's API Gateway says of a caller: ``X-Apigateway-Api-Userinfo``, the claims of the client's token.

Nobody signs that header. What speaks for it is the gateway's own ID token in Authorization: signed by Google, for an
audience that is ours alone, and of the gateway's service account. The audience is not enough: whoever has any service
account gets an ID token for any audience from Google. Where that token or the header is absent, the client's own token,
which the gateway puts into ``X-Forwarded-Authorization``, is verified here like any other.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping

from jwt.exceptions import PyJWTError

from app.edge.alb import not_believed
from app.edge.identity import FORWARDED_TOKEN, GatewayIdentity
from app.tokens.bearer import token_in
from app.tokens.compact import MOST_BYTES, Compact, read_compact
from app.tokens.keyset import KeySet
from app.tokens.strict import json_object
from app.tokens.verify import JWS, Papers, Trusted, papers_of, verify
from schema.catalog import Claim
from schema.errors import Refusal

CERTIFICATES = "https://www.googleapis.com/oauth2/v3/certs"
_ISSUERS = frozenset({"https://accounts.google.com", "accounts.google.com"})
_BASE64 = re.compile(r"[A-Za-z0-9_-]+={0,2}")
_LEEWAY = 30.0


class ApiGateway:
    """Verifies what one API Gateway says. ``keys`` are Google's."""

    def __init__(self, identity: GatewayIdentity, keys: KeySet) -> None:
        self._identity, self._keys = identity, keys

    async def papers(
        self, said: Mapping[bytes, bytes], issuers: Mapping[str, Trusted], declared: Mapping[str, Claim]
    ) -> Papers:
        """Raises Refusal: what a token may raise, and CH314 or CH316."""
        userinfo, own = said.get(b":" + self._identity.header), said.get(b"authorization", b"")
        if userinfo is not None and (until := await self._until(own)) is not None:
            return papers_of(Compact("", "", "", _claims(userinfo)), issuers, declared, until)
        return await verify(token_in(said.get(b":" + FORWARDED_TOKEN, own)), issuers, declared)

    async def _until(self, authorization: bytes) -> float | None:
        """When the gateway's own ID token ends; None where this is none. Raises Refusal CH316."""
        try:
            token = read_compact(token_in(authorization))
        except Refusal:
            return None
        if token.issuer not in _ISSUERS:
            return None
        key = await self._keys.find(token.kid, token.alg)
        if key is None:
            if not self._keys.loaded:
                raise Refusal("CH316", "Google's keys cannot be had at the moment.", "Try again shortly.", status=503)
            return None
        try:
            JWS.decode(token.text, key.jwk, algorithms=[token.alg])
        except (PyJWTError, ValueError, TypeError):
            return None
        return self._valid(token.payload)

    def _valid(self, payload: Mapping[str, object]) -> float | None:
        now, expires, issued = time.time(), payload.get("exp"), payload.get("iat", 0)
        if not isinstance(expires, int | float) or not isinstance(issued, int | float):
            return None
        ours = payload.get("aud") == self._identity.audience and payload.get("email") == self._identity.caller
        in_time = now < expires and issued <= now + _LEEWAY
        return float(expires) if ours and in_time and payload.get("email_verified") is True else None


def _claims(userinfo: bytes) -> dict[str, object]:
    text = userinfo.decode("latin-1").strip()
    if len(text) > MOST_BYTES or not _BASE64.fullmatch(text):
        raise not_believed("What the gateway says of the caller is not base64url.")
    bare = text.rstrip("=")
    try:
        return json_object(base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4)))
    except ValueError as error:
        raise not_believed("What the gateway says of the caller is not strict JSON.") from error

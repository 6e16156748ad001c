"""Verify a token: from its text to papers that can be believed.

1. Take it apart strictly (`read_compact`).
2. Choose the issuer by ``iss`` among the zone's, and its key by (issuer, kid, algorithm).
3. Check the signature with that key and that one algorithm.
4. Check the registered claims: ``exp``, ``aud`` and ``sub`` are required, times are numbers, lifetimes are capped.
5. Map the claims policies may name.

Whatever goes wrong is a 401 with a CH3xx code; only keys that could never be fetched are a 503.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import jwt
from jwt.exceptions import PyJWTError

from app.tokens.claims import map_claims, map_purposes
from app.tokens.compact import Compact, read_compact
from app.tokens.keyset import KeySet
from schema.caller import ClaimValue
from schema.catalog import Claim, Issuer
from schema.errors import Refusal

LEEWAY = 30.0  # for clocks that run ahead (iat, nbf); exp has none
_LAST = 253402300799  # the year 9999
JWS = jwt.PyJWS()


@dataclass(frozen=True, slots=True)
class Trusted:
    """An issuer of this zone with its keys."""

    issuer: Issuer
    keys: KeySet


@dataclass(frozen=True, slots=True)
class Papers:
    """What a verified token says. ``trusted`` and ``generation`` tell by which keys it was verified."""

    subject: str
    claims: Mapping[str, ClaimValue]
    purposes: frozenset[str]
    expires: float
    trusted: Trusted
    generation: int

    def valid(self, now: float) -> bool:
        """Whether the token may still be used: not expired, and the keys have not changed since."""
        return now < self.expires and self.generation == self.trusted.keys.generation


def refused(code: str, message: str, hint: str | None = None) -> Refusal:
    return Refusal(code, message, hint, status=401)


async def verify(text: str, zone: Mapping[str, Trusted], declared: Mapping[str, Claim]) -> Papers:
    """The papers of a token of this zone (``zone`` holds its issuers by ``iss``). Raises Refusal."""
    token = read_compact(text)
    trusted = _issuer(token, zone)
    key = await trusted.keys.find(token.kid, token.alg)
    if key is None:
        if not trusted.keys.loaded:
            raise Refusal("CH320", "The issuer's keys cannot be had at the moment.", "Try again shortly.", status=503)
        raise refused("CH303", "The token is signed with a key or algorithm that its issuer does not list.")
    generation = trusted.keys.generation
    try:
        JWS.decode(token.text, key.jwk, algorithms=[token.alg])
    except (PyJWTError, ValueError, TypeError) as error:
        raise refused("CH304", "The token's signature does not fit.") from error
    return _papers(token, trusted, generation, declared)


def papers_of(
    token: Compact, zone: Mapping[str, Trusted], declared: Mapping[str, Claim], until: float = math.inf
) -> Papers:
    """The papers of a payload that has been believed for another reason than its signature, good until ``until`` at
    most. Raises Refusal."""
    trusted = _issuer(token, zone)
    papers = _papers(token, trusted, trusted.keys.generation, declared)
    return replace(papers, expires=min(papers.expires, until))


def _issuer(token: Compact, zone: Mapping[str, Trusted]) -> Trusted:
    trusted = zone.get(token.issuer) if isinstance(token.issuer, str) else None
    if trusted is None:
        raise refused("CH303", "The token's issuer is not accepted here.", "Ask for a token of an accepted issuer.")
    return trusted


def _papers(token: Compact, trusted: Trusted, generation: int, declared: Mapping[str, Claim]) -> Papers:
    expires = check_registered(token, trusted.issuer, time.time())
    return Papers(
        subject=_subject(token.payload),
        claims=map_claims(token.payload, trusted.issuer, declared),
        purposes=map_purposes(token.payload, trusted.issuer),
        expires=expires,
        trusted=trusted,
        generation=generation,
    )


def check_registered(token: Compact, issuer: Issuer, now: float) -> float:
    """Check times and audience, and give the expiry. Raises Refusal CH305, CH306 or CH307."""
    expires = _date(token.payload, "exp")
    if expires is None:
        raise refused("CH307", "The token has no expiry ('exp').")
    if expires <= now:
        raise refused("CH305", "The token has expired.", "Ask for a new one.")
    issued, begins = _date(token.payload, "iat"), _date(token.payload, "nbf")
    if max(issued or 0.0, begins or 0.0) > now + LEEWAY:
        raise refused("CH307", "The token is not valid yet ('iat' or 'nbf' lies ahead).")
    if issuer.max_lifetime is not None and expires - (now if issued is None else issued) > issuer.max_lifetime:
        raise refused("CH307", "The token lives longer than is allowed for its issuer.", "Ask for a shorter one.")
    _audience(token.payload, issuer)
    return expires


def _date(payload: Mapping[str, object], name: str) -> float | None:
    """A NumericDate (RFC 7519 section 2): a JSON number of seconds, nothing that merely looks like one."""
    if name not in payload:
        return None
    value = payload[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST or math.isnan(value):
        raise refused("CH307", f"The token's '{name}' is not a date in seconds.")
    return float(value)


def _audience(payload: Mapping[str, object], issuer: Issuer) -> None:
    audience = payload.get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(item, str) for item in listed) or not set(listed) & set(issuer.audiences):
        raise refused("CH306", "The token is not meant for this service ('aud').")


def _subject(payload: Mapping[str, object]) -> str:
    subject = payload.get("sub")
    if not isinstance(subject, str) or not subject.strip() or "\x00" in subject:
        raise refused("CH307", "The token names no subject ('sub').")
    return subject

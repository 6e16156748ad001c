"""Read the outside of a token: the compact form and the protected header, before anything is believed.

Only ``alg`` and ``kid`` are taken from the header. Where a header says to fetch or embeds a key (``jku``, ``x5u``,
``jwk``, ``x5c``) is never looked at; an extension that must be understood (``crit``, ``b64``) is refused.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

from app.tokens.strict import json_object
from schema.errors import Refusal

MOST_BYTES = 8 * 1024
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_TYPES = frozenset({"jwt", "at+jwt"})
_EXTENSIONS = frozenset({"crit", "b64", "enc"})


@dataclass(frozen=True, slots=True)
class Compact:
    """A token as it came. ``issuer`` is only claimed: it chooses the keys, and the signature then proves it."""

    text: str
    alg: str
    kid: str
    payload: dict[str, object]

    @property
    def issuer(self) -> object:
        return self.payload.get("iss")


def malformed(sentence: str) -> Refusal:
    return Refusal("CH302", sentence, "Send one 'Authorization: Bearer <token>' header with a signed JWT.", status=401)


def read_compact(text: str) -> Compact:
    """Take a compact JWS apart. Raises Refusal CH302 (not a JWS) or CH308 (not an access token)."""
    if len(text) > MOST_BYTES:
        raise malformed(f"The token is longer than {MOST_BYTES} bytes.")
    match = _COMPACT.fullmatch(text)
    if match is None:
        raise malformed("The token is not a signed JWT in compact form.")
    try:
        header, payload = json_object(_decode(match[1])), json_object(_decode(match[2]))
    except ValueError as error:
        raise malformed("The token's header or payload is not strict JSON.") from error
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or not isinstance(kid, str) or not kid:
        raise malformed("The token's header lacks 'alg' or 'kid'.")
    if not _EXTENSIONS.isdisjoint(header):
        raise malformed("The token's header asks for an extension that is not supported.")
    _access_token(header)
    return Compact(text, alg, kid, payload)


def _access_token(header: dict[str, object]) -> None:
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in _TYPES:
        raise Refusal("CH308", "This kind of token is not accepted.", "Send an access token.", status=401)


def _decode(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

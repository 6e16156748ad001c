"""Authenticate: from request headers to a caller.

A verified token is remembered under the hash of its header, never past its expiry and never past a change of its
issuer's keys. The purpose is what the X-Purpose header chooses among those the token lists.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

import orjson

from app.edge.identity import vouched
from app.tokens.bearer import not_one_token, token_in
from app.tokens.compact import malformed
from app.tokens.verify import Papers, Trusted, verify
from schema.caller import Caller, ClaimValue
from schema.catalog import Claim
from schema.errors import Refusal
from schema.zone import Zone

Headers = Iterable[tuple[bytes, bytes]]


class Gateway(Protocol):
    """A gateway that says who asks (`app.edge.alb`, `app.edge.gcp`)."""

    async def papers(
        self, said: Mapping[bytes, bytes], issuers: Mapping[str, Trusted], declared: Mapping[str, Claim]
    ) -> Papers:
        """The papers of whoever it speaks for; ``said`` are its headers as `app.edge.identity.vouch` passes them on,
        and Authorization."""


def digest(caller: Caller) -> str:
    """Identifies the papers: a digest of a canonical structure of zone, issuer, subject, claims, purpose and region."""
    papers = [caller.zone, caller.issuer, caller.subject, dict(caller.claims), caller.purpose, caller.region]
    return hashlib.sha256(b"caller/1" + orjson.dumps(papers, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Authenticator:
    """One zone's gate for tokens. ``issuers`` are the zone's, by ``iss``."""

    def __init__(
        self,
        zone: Zone,
        issuers: Mapping[str, Trusted],
        declared: Mapping[str, Claim],
        count: Callable[[str], None] = lambda result: None,
        remember: int = 20_000,
        gateway: Gateway | None = None,
    ) -> None:
        self._count, self._gateway = count, gateway
        self._zone, self._issuers, self._declared, self._most = zone, issuers, declared, remember
        self._known: OrderedDict[bytes, tuple[Papers, dict[str, Caller]]] = OrderedDict()

    def known(self, written: bytes, purpose: bytes) -> Caller | None:
        """The caller of a request whose headers of these names stand once, if the same has been asked before; '' where
        one is absent."""
        where = hashlib.sha256(written).digest()
        found = self._known.get(where)
        if found is None or not found[0].valid(time.time()):
            return None
        caller = found[1].get(purpose.strip().decode("latin-1"))
        if caller is not None:
            self._known.move_to_end(where)
            self._count("remembered")
        return caller

    async def authenticate(self, headers: Headers) -> Caller:
        """The caller of a request. Raises Refusal: 401 CH301 to CH308, 403 CH310 and CH312, 503 CH320."""
        said = None if self._gateway is None else _said(headers)
        written, purpose = _read(headers) if said is None else (_as_one(said), _purpose(headers))
        where = hashlib.sha256(written).digest()
        found = self._known.get(where)
        if found is not None and found[0].valid(time.time()):
            self._known.move_to_end(where)
            self._count("remembered")
        else:
            self._known.pop(where, None)
            found = (await self._verified(written, said), {})
            self._remember(where, found)
        papers, callers = found
        caller = callers.get(purpose)
        if caller is None:
            caller = callers[purpose] = self._caller(papers, purpose)
        return caller

    async def _verified(self, written: bytes, said: Mapping[bytes, bytes] | None) -> Papers:
        try:
            if said is not None and self._gateway is not None:
                papers = await self._gateway.papers(said, self._issuers, self._declared)
            else:
                token = token_in(written)
                if len(token) > self._zone.max_token_bytes:
                    raise malformed(f"The token is longer than {self._zone.max_token_bytes} bytes.")
                papers = await verify(token, self._issuers, self._declared)
        except Refusal:
            self._count("refused")
            raise
        self._count("verified")
        return papers

    def _remember(self, where: bytes, found: tuple[Papers, dict[str, Caller]]) -> None:
        self._known[where] = found
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def _caller(self, papers: Papers, purpose: str) -> Caller:
        if purpose and purpose not in papers.purposes:
            raise Refusal(
                "CH310",
                "The token does not allow this purpose.",
                "Send a purpose that the token lists in X-Purpose, or none.",
                status=403,
            )
        caller = Caller(
            subject=papers.subject,
            issuer=papers.trusted.issuer.issuer,
            zone=self._zone.name,
            claims=papers.claims,
            expires=papers.expires,
            purpose=purpose or None,
            region=self._zone.region,
            partner=_partner(self._zone, papers.claims),
        )
        return replace(caller, digest=digest(caller))


def _partner(zone: Zone, claims: Mapping[str, ClaimValue]) -> str | None:
    """The partner that a token is for; None in a zone that has none. Raises `Refusal` CH312, which tells nobody whether
    a name is missing or unknown."""
    if zone.partner_claim is None:
        return None
    name = claims.get(zone.partner_claim)
    if not isinstance(name, str) or name not in zone.partners:
        raise Refusal("CH312", "The token is of no partner of this zone.", status=403)
    return name


def _read(headers: Headers) -> tuple[bytes, str]:
    """The Authorization header as it was written, and the purpose ('' for none)."""
    written = [value for name, value in headers if name == b"authorization"]
    if not written:
        raise Refusal("CH301", "A token is needed.", "Send 'Authorization: Bearer <token>'.", status=401)
    if len(written) > 1:
        raise not_one_token()
    return written[0], _purpose(headers)


def _purpose(headers: Headers) -> str:
    found = [value.strip() for name, value in headers if name == b"x-purpose"]
    if len(found) > 1:
        raise Refusal("CH310", "More than one X-Purpose header was sent.", "Send one.", status=403)
    return found[0].decode("latin-1") if found else ""


def _said(headers: Headers) -> Mapping[bytes, bytes] | None:
    """What a gateway says of the caller, with Authorization; None where none does."""
    said = vouched(headers)
    if not said:
        return None
    said += [(name, value) for name, value in headers if name == b"authorization"]
    found = dict(said)
    if len(found) != len(said):
        raise Refusal("CH315", "The request names two callers.", "Send each header once.", status=401)
    return found


def _as_one(said: Mapping[bytes, bytes]) -> bytes:
    """One text that no Authorization header can be, and no other headers give."""
    return b"\0".join([b"", *(part for name in sorted(said) for part in (name, said[name]))])

"""Audited: one exchange on its way into the audit trail.

Where a record is only to be written, that is asked for when the exchange is over. Where it is required, it is asked for
before the first byte of an answer, which is withheld (CH155) unless the record has been accepted; a streamed answer is
recorded again when it has ended, with its rows. A withheld answer is told, too.
"""

from __future__ import annotations

import time

from app.audit.audit import Audit
from app.audit.told import Exchanged, Phase, Versions
from app.http.exchange import Exchange, Instead, RawHeaders
from app.http.media import VARY
from app.http.refuse import refusal_headers, shaped
from app.http.routes import IN_GRAPHQL, OTHER, SQL
from app.http.trail import Trail
from schema.errors import Refusal


class Audited:
    """Follows one exchange."""

    __slots__ = ("_audit", "_exchange", "_peer", "_restricted", "_route", "_told", "_trail")

    def __init__(
        self, audit: Audit, exchange: Exchange, trail: Trail, route: str, client: object, restricted: bool
    ) -> None:
        self._audit, self._exchange, self._trail, self._route = audit, exchange, trail, route
        self._restricted = restricted
        self._peer = str(client[0]) if isinstance(client, tuple | list) and client else None
        self._told: Phase | None = None
        trail.audited = True
        if audit.required:
            exchange.admit = self._admit

    def over(self, status: int, seconds: float) -> None:
        """The exchange is over."""
        if self._told == "begun":
            self._audit.tell(self._exchanged(status, self._exchange.sent, seconds, "ended"))
        elif self._told is None and self._concerns():
            self._audit.tell(self._exchanged(status, self._exchange.sent, seconds, "whole"))

    async def _admit(self, status: int, length: int | None) -> Instead | None:
        """What is sent in place of an answer whose record is not accepted; None where it is. ``length`` None: the
        answer is sent in pieces."""
        if not self._concerns():
            return None
        phase: Phase = "begun" if length is None else "whole"
        self._told = phase
        told = self._exchanged(status, length or 0, self._since(), phase)
        if await self._audit.accepted(told):
            return None
        refusal = Refusal("CH155", "The answer cannot be recorded, so it is not given.", "Try again.", status=503)
        self._trail.withheld([refusal.code])
        self._told = "whole"
        self._audit.tell(self._exchanged(refusal.status, 0, self._since(), "whole"))
        return self._instead(refusal)

    def _instead(self, refusal: Refusal) -> Instead:
        """The refusal in the shape that refusals have at this address."""
        content_type, body = shaped(refusal, self._route, self._exchange.request_id, self._restricted)
        extra: RawHeaders = [VARY] if self._route in IN_GRAPHQL or self._route == SQL else []
        return Instead(503, content_type, body, [*extra, *refusal_headers(refusal), *self._trail.fields()])

    def _concerns(self) -> bool:
        """Whether somebody asked, or was refused. A page for browsers is neither, nor is a path where nothing is, which
        for partners are paths that others have."""
        return self._trail.caller is not None or (bool(self._trail.codes) and self._route != OTHER)

    def _since(self) -> float:
        return time.perf_counter() - self._exchange.began

    def _exchanged(self, status: int, length: int, seconds: float, phase: Phase) -> Exchanged:
        trail, exchange, serving = self._trail, self._exchange, self._trail.serving
        caller, versions = trail.caller, None
        if serving is not None:
            project = serving.project
            versions = Versions(serving.zone.name, project.catalog.version, project.policies.version, serving.log_key)
        return Exchanged(
            at=time.time(),
            seconds=seconds,
            route=self._route,
            method=exchange.method,
            status=status,
            length=length,
            request_id=exchange.request_id,
            trace=exchange.header(b"traceparent"),
            peer=self._peer if exchange.via is None else exchange.via.client(),
            versions=versions,
            caller=caller,
            document=trail.document,
            registered=trail.registered,
            codes=(*trail.codes, *trail.beside),
            account=trail.account,
            rows=trail.shown,
            by_product=trail.by_product,
            phase=phase,
        )

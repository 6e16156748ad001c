"""The outermost ASGI callable: GraphQL and SQL go to their own thin handlers, everything else to FastAPI.

Every answer, FastAPI's too, carries the request's id and forbids sniffing and storing; every request is logged and
counted.
"""

from __future__ import annotations

import time

from fastapi import FastAPI

from app.audit.audit import Audit
from app.edge.edge import Edge
from app.http.access import record
from app.http.audited import Audited
from app.http.beside import Beside
from app.http.crowd import Crowd
from app.http.early import Early
from app.http.exchange import ClientLeft, Exchange, Receive, Scope, Send
from app.http.graphql import GraphQLEndpoint
from app.http.heads import overlong
from app.http.page import POLICY, page
from app.http.refuse import shaped
from app.http.routes import DOCUMENTS, FOR_PARTNERS, GRAPHQL, HEALTH, OTHER, SQL, route_of
from app.http.sql import SqlEndpoint
from app.http.surround import TRAIL, Surround, nothing_here, surround
from app.http.trail import Trail
from app.http.unread import Unread
from app.log import failure
from app.settings import Settings
from app.telemetry.telemetry import Telemetry
from resolvers.operation import Measure

_LEFT = 499  # as the log of other gateways says it: the client closed the connection


class Gateway:
    """The application uvicorn runs."""

    def __init__(
        self, handlers: Surround, settings: Settings, zone: str, telemetry: Telemetry, audit: Audit | None = None
    ) -> None:
        self._metrics, self._zone, self._telemetry, self._audit = handlers.metrics, zone, telemetry, audit
        self._graphql = GraphQLEndpoint(handlers.switch, settings, page, POLICY)
        self._sql = SqlEndpoint(handlers.switch)
        self._around: FastAPI = surround(handlers)
        self._switch, self.slow_reader = handlers.switch, settings.slow_reader
        self._unread = Unread(settings.unread_bytes)
        self._edge = Edge.of(settings.edge)
        self.keep_alive = settings.edge.keep_alive
        cors = None if self._edge is None else self._edge.cors
        tally = None if audit is None else audit.tally(zone)
        self.crowd = Crowd(settings.edge.most_inflight, self._metrics, zone, cors, tally)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"{scope['type']} is not offered")
        exchange = Exchange(scope, receive, send, self.slow_reader, self._unread)
        path, trail, metrics = scope["path"], Trail(), self._metrics
        restricted = self._switch.restricted
        if self._edge is not None:
            path = self._edge.enter(exchange, scope)
        route = route_of(path)
        metrics.began()
        telemetry = self._telemetry
        if telemetry.on or exchange.header(b"traceparent"):
            trail.trace = telemetry.begin(exchange, route)
        audited = self._followed(exchange, trail, route, scope, restricted)
        try:
            if (early := exchange.early or overlong(exchange, self._switch)) is not None:
                await self._early(exchange, early, trail, route)
            elif route == GRAPHQL:
                await self._graphql.answer(exchange, trail)
            elif route == SQL:
                await self._sql.answer(exchange, trail)
            elif route == DOCUMENTS:
                await self._graphql.answer(exchange, trail, str(path).removeprefix(DOCUMENTS))
            elif restricted and route not in FOR_PARTNERS:
                await self._early(exchange, Early(nothing_here(), []), trail, route)
            else:
                await self._beside(exchange, trail, {**scope, "path": path}, receive)
        except ClientLeft:
            exchange.status = _LEFT
            exchange.drop()
        finally:
            seconds = time.perf_counter() - exchange.began
            status = exchange.status or _LEFT
            self._count(exchange.method, route, trail, status, seconds)
            if trail.trace is not None:
                telemetry.end(trail.trace, exchange, route, trail, seconds)
            if audited is not None:
                audited.over(status, seconds)
        record(exchange, route, trail, seconds)
        if trail.measure is not None:
            await self._measured(trail.measure, exchange.request_id)

    def _count(self, method: str, route: str, trail: Trail, status: int, seconds: float) -> None:
        metrics, zone = self._metrics, self._zone
        if trail.caller is not None and trail.caller.partner is not None:
            metrics.partner(zone, trail.caller.partner, trail.codes)
        metrics.request(zone, route, method, status, seconds, trail.timings, trail.codes)
        if trail.rows:
            metrics.rows(zone, trail.rows)
        if trail.cost is not None:
            metrics.estimated(zone, trail.cost)
        if trail.registered is not None:
            metrics.operation(zone, trail.registered[0], status, seconds)
        if trail.rules:
            metrics.policy_refusals(trail.rules)

    async def _measured(self, measure: Measure, request_id: str) -> None:
        """Count what an answer did cost, now that nobody waits for it."""
        try:
            self._metrics.actual(self._zone, await measure())
        except Exception as error:  # noqa: BLE001 - it has been answered, and well: its connection must not end by this
            failure(request_id, error)

    def _followed(self, exchange: Exchange, trail: Trail, route: str, scope: Scope, restricted: bool) -> Audited | None:
        """The exchange on its way into the audit trail, where there is one and somebody can be concerned."""
        if self._audit is None or route in HEALTH:
            return None
        known = route if route in FOR_PARTNERS or not restricted else OTHER
        return Audited(self._audit, exchange, trail, known, scope.get("client"), restricted)

    async def _early(self, exchange: Exchange, early: Early, trail: Trail, route: str) -> None:
        """Answer without asking who asks."""
        exchange.closing, why = self._switch.draining, early.why
        if why is None:
            await exchange.respond(200, "text/plain; charset=utf-8", b"", early.headers)
            return
        trail.codes = [why.code]
        content_type, body = shaped(why, route, exchange.request_id, self._switch.restricted)
        await exchange.respond(why.status, content_type, body, early.headers)

    async def _beside(self, exchange: Exchange, trail: Trail, scope: Scope, receive: Receive) -> None:
        known = (b"x-request-id", exchange.request_id.encode("ascii"))
        headers = [*(pair for pair in exchange.headers if pair[0] != b"x-request-id"), known]
        try:
            # An application's own path has its prefix before it, as ASGI wants it.
            inner = {**scope, "path": f"{exchange.prefix}{scope['path']}", "root_path": exchange.prefix, TRAIL: trail}
            await self._around({**inner, "headers": headers}, receive, Beside(exchange, trail, self._switch))
        except ClientLeft:
            raise
        except Exception as error:  # noqa: BLE001 - FastAPI answers a failure and raises it again, to end in uvicorn's log
            if not exchange.status:
                failure(exchange.request_id, error)
                await exchange.respond(500, "text/plain; charset=utf-8", b"CH199")

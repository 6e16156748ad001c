"""The GraphQL endpoint: one ASGI handler, bytes in and bytes out (GraphQL over HTTP).

1. Method, then the form of the answer; a browser without a query gets a page.
2. Who asks (`authenticate`), and whether it may ask now (`app.partners.door`), before a byte of the body is read.
3. What is asked (`read`), or named (`app.documents.desk`).
4. The engine's answer, within the zone's time and never past the token's expiry. When the client leaves, the task is
   cancelled, and with it the statement at the source.
5. The answer, or the refusal, in the form that was asked for.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from app.authenticate import Authenticator
from app.documents.desk import Unkept
from app.documents.named import Named
from app.http.coding import coded_for
from app.http.exchange import ClientLeft, Exchange, RawHeaders
from app.http.fresh import kept
from app.http.media import GRAPHQL, JSON, VARY, Media, is_json_body, negotiate, wants_page
from app.http.read import has_query, read_get, read_path, read_post
from app.http.refuse import (
    answer_status,
    errors_of,
    graphql_errors,
    protocol_status,
    refusal_headers,
    request_status,
)
from app.http.trail import Trail
from app.http.watch import TimeIsUp, Watch
from app.log import failure
from app.serving import Serving, Switch
from app.settings import Settings
from resolvers.operation import Answer, Operation
from schema.caller import Caller
from schema.errors import Refusal, Refusals
from schema.zone import INTERNAL, Zone

_VARIES: RawHeaders = [VARY]
_LATER = 0.02
"""Seconds by which the sources' deadline is later than the exchange's own, which says it for the whole answer."""
_TYPES: Mapping[Media, str] = {media: f"{media}; charset=utf-8" for media in (JSON, GRAPHQL)}


class GraphQLEndpoint:
    """Answers ``/graphql`` and ``/q/DOCUMENT``. ``page`` is what a browser without a query sees."""

    def __init__(self, switch: Switch, settings: Settings, page: Callable[[], bytes], policy: bytes) -> None:
        self._switch, self._settings, self._page, self._policy = switch, settings, page, policy
        self._least = settings.edge.compress_from or math.inf
        self._measured = settings.cost_ratio

    async def answer(self, exchange: Exchange, trail: Trail, document: str | None = None) -> None:
        """Answer one exchange, whatever happens; ``document`` is what its address names. Raises ClientLeft only."""
        media: Media = JSON
        try:
            if exchange.method not in ("GET", "POST"):
                raise Refusal("CH140", "GraphQL is asked by GET or POST.", status=405)
            if document is not None and exchange.method != "GET":
                raise Refusal("CH178", "A document is asked by GET here.", "Use GET, or POST /graphql.", status=405)
            accept = exchange.header(b"accept")
            if document is None and not self._switch.restricted and _wants_page(exchange, accept):
                await self._send_page(exchange)
                return
            media = _form(accept)
            with self._switch.take() as serving:
                trail.serving = serving
                await self._answer(exchange, media, serving, trail, document)
        except Refused as refused:
            await self._refuse(exchange, media, refused.why, trail, looked_at=True)
        except Refusal as refusal:
            await self._refuse(exchange, media, refusal, trail, looked_at=False)
        except ClientLeft:
            raise
        except Exception as error:  # the last line of defence: the caller gets a code, the log the frames
            failure(exchange.request_id, error)
            if exchange.status:
                raise ClientLeft from error  # half an answer was sent: it cannot be taken back, only cut off
            trail.codes = ["CH199"]
            await self._refuse(exchange, media, broken(), trail, looked_at=False)

    async def _answer(
        self, exchange: Exchange, media: Media, serving: Serving, trail: Trail, document: str | None
    ) -> None:
        started = time.perf_counter()
        caller = trail.caller = await _caller(serving.authenticator, exchange)
        trail.timings["auth"] = (time.perf_counter() - started) * 1000
        if serving.door is None:
            answer = await self._ask(exchange, serving, caller, trail, document)
            await self._send(exchange, media, answer, trail)
            return
        trail.visit = serving.door.visit(caller)
        async with trail.visit as visit:
            answer = await self._ask(exchange, serving, caller, trail, document)
            await visit.took(sum(answer.rows.values()), answer.rows)
            await self._send(exchange, media, answer, trail)

    async def _ask(
        self, exchange: Exchange, serving: Serving, caller: Caller, trail: Trail, document: str | None
    ) -> Answer:
        timings, known = trail.timings, time.perf_counter()
        operation: Operation | None = None
        desk = serving.desk
        try:
            with Watch(exchange, exchange.bounded(min(serving.zone.timeout, caller.expires - time.time()))) as watch:
                asked = _read(exchange, document, desk.trusted) or read_post(
                    await exchange.body(serving.zone.max_body_bytes), exchange.request_id
                )
                watch.listen()
                if isinstance(asked, Operation) and not desk.trusted:
                    operation = asked
                else:
                    operation = await desk.operation(asked, partial(serving.engine.knows, caller))
                trail.registered = operation.registered
                if exchange.via is not None:
                    operation = operation._replace(within=exchange.within() + _LATER)
                costs = serving.zone.show_cost and (operation.costs or exchange.header(b"x-cost") == "1")
                if costs is not operation.costs:
                    operation = operation._replace(costs=costs)
                if self._measured and random.random() < self._measured:
                    operation = operation._replace(measured=True)
                timings["read"] = (time.perf_counter() - known) * 1000
                answer = await serving.engine.answer(operation, caller, trail.before)
                if isinstance(asked, Named):
                    desk.answered(asked)
        except (Refusal, Refusals) as refused:
            if operation is None:
                if isinstance(refused, Unkept):
                    raise Refused(refused) from refused
                raise
            trail.asks(operation)
            raise Refused(refused) from refused
        except Exception as error:
            if operation is not None:
                trail.asks(operation)
            if isinstance(error, TimeIsUp):
                raise _late(operation) from None
            raise
        trail.document, trail.rows, trail.beside = answer.document, answer.given, answer.codes
        trail.cost, trail.measure = answer.cost, answer.measure
        if trail.audited:
            trail.gave(answer.rows)
        timings.update(answer.timings)
        return answer

    async def _send(self, exchange: Exchange, media: Media, answer: Answer, trail: Trail) -> None:
        status = answer_status(answer.status, media, self._settings.status_profile)
        extra: RawHeaders = _VARIES if trail.visit is None else [VARY, *trail.visit.fields()]
        # Elsewhere how long each stage took would be a side channel.
        if self._settings.server_timing and trail.serving is not None and _internal(trail.serving.zone):
            said = ", ".join(f"{stage};dur={spent:.2f}" for stage, spent in answer.timings.items())
            extra = [*extra, (b"server-timing", said.encode("ascii"))]
        exchange.closing = self._switch.draining
        if answer.fresh is not None and trail.serving is not None and trail.caller is not None:
            found = kept(exchange, answer, trail.caller, trail.serving.log_key)
            if found is not None:
                exchange.cache_control, extra = found.control, [*extra, *found.headers]
                if found.same:
                    await exchange.respond(304, "", b"", extra)
                    return
        body = answer.body
        if len(body) >= self._least:
            body, said_so = await coded_for(body, exchange.header(b"accept-encoding"))
            extra = [*extra, *said_so]
        await exchange.respond(status, _TYPES[media], body, extra)

    async def _refuse(
        self, exchange: Exchange, media: Media, why: Refusal | Refusals, trail: Trail, looked_at: bool
    ) -> None:
        profile, first = self._settings.status_profile, errors_of(why)[0]
        trail.withheld([error.code for error in errors_of(why)])
        trail.rules = rules_of(why)
        if exchange.status:
            raise ClientLeft from why  # half an answer was sent: it cannot be taken back, only cut off
        status = request_status(why, media, profile) if looked_at else protocol_status(first, profile)
        exchange.closing = self._switch.draining
        body = graphql_errors(why, exchange.request_id, self._switch.restricted)
        await exchange.respond(status, _TYPES[media], body, [VARY, *refusal_headers(first), *trail.fields()])

    async def _send_page(self, exchange: Exchange) -> None:
        extra = [VARY, (b"content-security-policy", self._policy), (b"referrer-policy", b"no-referrer")]
        await exchange.respond(200, "text/html; charset=utf-8", self._page(), extra)


def _wants_page(exchange: Exchange, accept: str) -> bool:
    return exchange.method == "GET" and wants_page(accept) and not has_query(exchange.query)


def _internal(zone: Zone) -> bool:
    return zone.name == INTERNAL and not zone.restricted


async def _caller(authenticator: Authenticator, exchange: Exchange) -> Caller:
    single = exchange.single
    if single is not None:
        known = authenticator.known(single.get(b"authorization", b""), single.get(b"x-purpose", b""))
        if known is not None:
            return known
    return await authenticator.authenticate(exchange.headers)


def _read(exchange: Exchange, document: str | None, trusted: bool) -> Operation | Named | None:
    """What a GET asks; None where it stands in a body that may be read."""
    if document is not None:
        return read_path(document, exchange.query, exchange.request_id)
    if exchange.method == "GET":
        return read_get(exchange.query, exchange.request_id, trusted)
    check_declared(exchange)
    return None


def check_declared(exchange: Exchange) -> None:
    """Raise `Refusal` CH141 unless the body is declared as plain JSON."""
    encoding = exchange.header(b"content-encoding")
    if encoding and encoding.lower() != "identity":
        raise Refusal("CH141", "A compressed request body is not read.", "Send it as it is.", status=415)
    if not is_json_body(exchange.header(b"content-type")):
        raise Refusal(
            "CH141",
            "The request body is not declared as JSON.",
            "Send 'Content-Type: application/json', in UTF-8.",
            status=415,
        )


def rules_of(why: Refusal | Refusals) -> Sequence[str]:
    """The rules that refused, where some did."""
    return [rule for error in errors_of(why) for rule in error.rules]


class Refused(Exception):
    """The engine looked at the document and refused it, which has its own statuses."""

    def __init__(self, why: Refusal | Refusals) -> None:
        super().__init__(str(why))
        self.why = why


def _late(operation: Operation | None) -> Refusal | Refused:
    if operation is None:
        return Refusal("CH153", "The request body did not arrive in time.", status=408)
    return Refused(too_slow())


def _form(accept: str) -> Media:
    media = negotiate(accept)
    if media is None:
        raise Refusal(
            "CH142",
            "No form of answer that the client accepts can be given.",
            "Accept application/graphql-response+json or application/json.",
            status=406,
        )
    return media


def too_slow() -> Refusal:
    return Refusal("CH150", "The answer took too long.", "Ask for less, or narrow the filter.", status=504)


def broken() -> Refusal:
    return Refusal("CH199", "Something went wrong inside the gateway.", "Report the request id.", status=500)

"""The SQL endpoint: a statement in, rows out as they come.

1. Who asks (`authenticate`), and whether it may ask now (`app.partners.door`), before a byte of the body is read; then
   what is asked, and in which form.
2. The engine's rows. Everything that is refused before the first of them is a problem document with code and SQLSTATE.
3. The rows in the form that was asked for, written as fast as the client reads. What goes wrong now is said in the
   answer where its form can say it; else the answer breaks off without its end. It is never merely shorter.

When the client leaves, the statement is cancelled at its sources.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from app.http.admitted import admitted
from app.http.exchange import ClientLeft, Exchange, RawHeaders
from app.http.graphql import broken, check_declared, rules_of, too_slow
from app.http.media import VARY
from app.http.media_sql import Coding, coding_of, format_of
from app.http.refuse import PROBLEM, problem, refusal_headers
from app.http.trail import Trail, mark_of
from app.http.watch import TimeIsUp, Watch
from app.log import event, failure, says
from app.partners.metered import Metered
from app.serving import Serving, Switch
from resolvers.backends.backend import Bounds
from resolvers.engine import Engine
from resolvers.formats.broken import BrokenOff
from resolvers.formats.choose import Format, Layout
from schema.caller import Caller
from schema.errors import Refusal
from schema.sql.states import state_of

if TYPE_CHECKING:  # a process whose zones answer no SQL holds no front end for it
    from app.http.read_sql import Wanted
    from resolvers.statements.engine import Result, Statements

_PATIENCE = 5.0
"""How much later than the statement's own deadline an exchange is ended by force, in seconds."""
_NEARLY = 0.05
"""The same where a peer in front waits."""


class SqlEndpoint:
    """Answers ``/sql``."""

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    async def answer(self, exchange: Exchange, trail: Trail) -> None:
        """Answer one exchange, whatever happens. Raises ClientLeft only."""
        try:
            if exchange.method not in ("GET", "POST"):
                raise Refusal("CH140", "SQL is asked by GET or POST.", status=405)
            with self._switch.take() as serving:
                started = time.perf_counter()
                async with admitted(serving, exchange.headers, trail) as caller:
                    trail.timings["auth"] = (time.perf_counter() - started) * 1000
                    await self._answer(exchange, serving, caller, trail)
        except Refusal as refusal:
            await self._refuse(exchange, refusal, trail)
        except TimeIsUp:
            await self._refuse(exchange, too_slow(), trail)
        except BrokenOff as broken_off:
            await self._refuse(exchange, broken_off.refusal, trail)
        except ClientLeft:
            raise
        except Exception as error:  # noqa: BLE001 - the last line of defence: the caller gets a code, the log the frames
            failure(exchange.request_id, error)
            await self._refuse(exchange, broken(), trail)

    async def _answer(self, exchange: Exchange, serving: Serving, caller: Caller, trail: Trail) -> None:
        statements, visit, within = statements_of(serving), trail.visit, exchange.within()
        seconds = min(serving.zone.sql.timeout, caller.expires - time.time()) + _PATIENCE
        seconds = min(seconds, within + _NEARLY)
        with Watch(exchange, seconds) as watch:
            wanted = await self._read(exchange, serving)
            form = _form(exchange, wanted.format, serving.zone.sql.formats)
            watch.listen()
            trail.document = mark_of(wanted.asked.text)
            result = await statements.answer(wanted.asked._replace(within=within), caller, trail.before)
            if visit is not None:
                result = replace(result, stream=Metered(result.stream, visit, result.products))
            try:
                trail.document = mark_of(result.normal)
                trail.timings.update(result.timings)
                await self._send(exchange, serving, Chosen(form, wanted.layout), result, trail)
            finally:
                await result.stream.aclose()

    @staticmethod
    async def _read(exchange: Exchange, serving: Serving) -> Wanted:
        from app.http.read_sql import read_sql_body, read_sql_query

        if exchange.method == "GET":
            return read_sql_query(exchange.query, exchange.request_id)
        check_declared(exchange)
        return read_sql_body(await exchange.body(serving.zone.max_body_bytes), exchange.request_id)

    async def _send(self, exchange: Exchange, serving: Serving, chosen: Chosen, result: Result, trail: Trail) -> None:
        name = chosen.format
        # Imported here because Arrow is: a gateway that is never asked in SQL need not hold it.
        from resolvers.formats.choose import writer_of
        from resolvers.formats.column import columns
        from resolvers.formats.encode import Tally, encoded

        coding = coding_of(exchange.header(b"accept-encoding"), name)
        schema = result.stream.schema
        written = writer_of(name, schema, columns(schema, result.types), chosen.layout)
        bounds = Bounds(serving.zone.sql.max_rows, serving.zone.sql.max_bytes)
        hints, tally = not serving.zone.restricted, Tally()
        said = exchange.request_id
        pieces = encoded(result.stream, written, bounds, coding, request_id=said, tally=tally, hints=hints)
        try:
            async with aclosing(pieces):
                first = await anext(pieces, b"")
                log_statement(exchange, serving, result)
                await self._stream(exchange, coding, written.media, _with(first, pieces), trail)
        finally:
            trail.rows = trail.shown = tally.rows
            trail.beside = () if tally.refusal is None else (tally.refusal.code,)

    async def _stream(
        self,
        exchange: Exchange,
        coding: Coding,
        media: str,
        pieces: AsyncIterator[bytes],
        trail: Trail,
    ) -> None:
        extra: RawHeaders = [VARY, *trail.fields()]
        if coding != "identity":
            extra.append((b"content-encoding", coding.encode("ascii")))
        exchange.closing = self._switch.draining
        await exchange.stream(200, media, pieces, extra)

    async def _refuse(self, exchange: Exchange, why: Refusal, trail: Trail) -> None:
        trail.codes, trail.rules = [why.code], rules_of(why)
        if exchange.status:
            raise ClientLeft from why  # half an answer was sent: it cannot be taken back, only cut off
        trail.withheld(trail.codes)
        exchange.closing = self._switch.draining
        headers = [VARY, *refusal_headers(why), *trail.fields()]
        body = sql_problem(why, exchange.request_id, self._switch.restricted)
        await exchange.respond(why.status, PROBLEM, body, headers)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The form that an answer is written in."""

    format: Format
    layout: Layout


def _form(exchange: Exchange, named: Format | None, offered: frozenset[str] | None) -> Format:
    """The form that was named, or the one that the client accepts best. Raises `Refusal` CH142."""
    if named is not None and (offered is None or named in offered):
        return named
    found = None if named is not None else format_of(exchange.header(b"accept"), offered)
    if found is None:
        hint = "Accept application/json, application/x-ndjson, text/csv, or Arrow or Parquet."
        if offered is not None:
            hint = f"There are: {', '.join(sorted(offered))}."
        raise Refusal("CH142", "No form of answer that the client accepts can be given.", hint, status=406)
    return found


async def _with(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def statements_of(serving: Serving) -> Statements:
    """The statements of what is served. Raises `Refusal` CH167 where the zone answers no SQL."""
    if not serving.zone.sql.enabled or not isinstance(serving.engine, Engine):
        raise Refusal("CH167", "This zone answers no SQL.", "Ask in GraphQL, at /graphql.", status=404)
    return serving.engine.statements


def sql_problem(why: Refusal, request_id: str, restricted: bool = False) -> bytes:
    """A problem document with the SQLSTATE and the place in the statement too, unless ``restricted``."""
    more: dict[str, object] = {"sqlstate": state_of(why.code)}
    if why.locations:
        line, column = why.locations[0]
        more["position"] = {"line": line, "column": column}
    return problem(why, request_id, restricted, **more)


def log_statement(exchange: Exchange, serving: Serving, result: Result) -> None:
    """The query log: what was asked without a value of it, and nothing of what was answered."""
    if says("info"):
        event("statement", "info", request_id=exchange.request_id, zone=serving.zone.name, statement=result.normal)

"""Telemetry of one process: which requests are followed, and what is made of it when they have been answered.

- Traces, where `CUSTOMHOUSE_OTLP` says where to: kept as the sender decided, else one in so many. A request whose trace
  is not kept passes that on, and makes no span.
- Slow requests, where `CUSTOMHOUSE_SLOW` says from when on, whether their trace is kept or not.
- Neither: a well-formed ``traceparent`` is passed on to the sources that are asked over HTTP, and stands in the log.

The sender is believed where the zone's callers are the company's own, or where it is a trusted peer in front
(`app.edge`). Else a trace begins at this door (`CUSTOMHOUSE_TRACE_PARENT`): whoever can say "keep it" for each of his
requests chooses what tracing costs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from app.http.exchange import Exchange
from app.http.routes import HEALTH
from app.http.trail import Trail
from app.log import event, failure
from app.settings import Settings
from app.telemetry.parent import Parent, headers_of, parent_of
from app.telemetry.slow import slow
from app.telemetry.trace import Dice, Ids, Trace
from resolvers.followed import FOLLOWED, OUTGOING

if TYPE_CHECKING:
    from app.telemetry.spans import Spans


class Telemetry:
    """Made after the fork, in the process's event loop. ``restricted``: the zone's callers are others' people."""

    def __init__(self, settings: Settings, zone: str, restricted: bool) -> None:
        self._slow, self._dice = settings.slow, Dice(settings.trace_ratio)
        said = settings.trace_parent
        self._everybody = said == "follow" or (said == "auto" and not restricted)
        self._trusted_peers = said != "restart"
        self._spans: Spans | None = None
        if settings.otlp is not None:
            from app.telemetry.spans import Spans  # imported here because it imports OpenTelemetry

            self._spans = Spans(settings.otlp, zone, _teller(asyncio.get_running_loop()))
        self.on = self._spans is not None or self._slow > 0

    def begin(self, exchange: Exchange, route: str) -> Trace | None:
        """What follows a request from here on; None for one that nobody needs to follow."""
        if route in HEALTH:
            return None
        parent = self._parent(exchange)
        if self._spans is None:
            ids = None if parent is None else Ids(parent.trace_id, parent.span_id, "", False, parent.state)
            if parent is not None:
                OUTGOING.set(headers_of(parent.trace_id, parent.span_id, parent.sampled, parent.state))
        else:
            ids = self._dice.ids(parent)
            OUTGOING.set(headers_of(ids.trace_id, ids.span_id, ids.sampled, ids.state))
        if ids is None and not self._slow:
            return None
        trace = Trace(ids, self._dice, exchange.began)
        if self._slow or (ids is not None and ids.sampled):
            FOLLOWED.set(trace)
        return trace

    def end(self, trace: Trace, exchange: Exchange, route: str, trail: Trail, seconds: float) -> None:
        """The request has been answered."""
        try:
            kept = trace.ids is not None and trace.ids.sampled
            if self._spans is not None and kept:
                self._spans.send(trace, exchange, route, trail, seconds)
            if self._slow and seconds >= self._slow:
                slow(trace, exchange, route, trail, seconds)
            if self._spans is not None and kept and any(call.seconds < 0 for call in trace.calls):
                trace.late = partial(self._spans.late, trace, trail.serving)
        except Exception as error:  # noqa: BLE001 - what watches a request must not be what fails it
            failure(exchange.request_id, error)
        trace.calls.clear()  # they hold the trace, which would wait for the garbage collector

    async def close(self) -> None:
        """Send what is left."""
        if self._spans is not None:
            await asyncio.to_thread(self._spans.close)

    def _parent(self, exchange: Exchange) -> Parent | None:
        if not self._everybody and not (self._trusted_peers and exchange.via is not None):
            return None
        said = exchange.header(b"traceparent")
        return parent_of(said, exchange.header(b"tracestate")) if said else None


def _teller(loop: asyncio.AbstractEventLoop) -> Callable[[str], None]:
    """Says in the log, by the loop whose it is, that spans were lost."""

    def told(what: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(partial(event, "spans_lost", "warning", lost=what))

    return told

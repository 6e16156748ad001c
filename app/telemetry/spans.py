"""Spans: what was followed of a request, as OpenTelemetry's spans, sent in batches by OTLP over HTTP.

    POST /graphql                       SERVER: route, status, zone, the document's digest
      auth, read, compile, govern       INTERNAL: the stages, one after the other as long as each took
      run                               from when the plan began to run
        SELECT operations.flights       CLIENT: one for each statement or call at a source
      encode

Spans are made when a request has been answered, with ids that were made before: what is not kept costs nothing here.
Waiting between stages is in no span but the first. Names follow OpenTelemetry's conventions for HTTP and databases;
``customhouse.`` is ours. No text of a statement stands in a span, no value, no caller, no address and no header.

Imported only where spans are sent, since OpenTelemetry is.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags
from opentelemetry.trace.status import Status, StatusCode

from app.http.access import METHODS
from app.http.exchange import Exchange
from app.http.trail import Trail
from app.serving import Serving
from app.telemetry.trace import Call, Ids, Trace
from resolvers.backends.opened import speaks_sql

Attributes = dict[str, str | int]
_SUMMARY = 255  # what the conventions allow
_SCOPE = InstrumentationScope("customhouse")
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_FAILED, _UNSET = Status(StatusCode.ERROR), Status(StatusCode.UNSET)
_STAGES_BEFORE = ("auth", "read", "compile", "govern")
_SYSTEMS = {
    "postgres": "postgresql",
    "bigquery": "gcp.bigquery",
    "dynamodb": "aws.dynamodb",
    "sagemaker": "aws.sagemaker",
    "sagemaker_features": "aws.sagemaker",
    "vertex": "gcp.vertex",
}
_TOLD_EVERY = 60.0


class Spans:
    """Makes and sends the spans of one process. ``told`` hears, from another thread, of spans that were lost."""

    def __init__(self, url: str, zone: str, told: Callable[[str], None]) -> None:
        # What the library would say of each span that is dropped is said here once a minute.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._resource = Resource.create(
            {"service.name": os.environ.get("OTEL_SERVICE_NAME") or "customhouse", "customhouse.zone": zone}
        )
        self._processor = BatchSpanProcessor(_Exporter(OTLPSpanExporter(url), told))

    def send(self, trace: Trace, exchange: Exchange, route: str, trail: Trail, seconds: float) -> None:
        """Send a request's spans."""
        ids = trace.ids
        if ids is None:
            return
        end = trace.began + seconds
        method = exchange.method if exchange.method in METHODS else "_OTHER"
        known = route != "other"
        self._span(
            ids,
            ids.span_id,
            ids.parent,
            f"{method} {route}" if known else method,
            SpanKind.SERVER,
            (trace.at(trace.began), trace.at(end)),
            _server(exchange, route if known else "", method, trail),
            failed=exchange.status >= 500,
        )
        run_id = trace.run_id or ids.span_id
        for stage, id_, began, ended in _stages(trace, trail.timings, end):
            self._span(ids, id_, ids.span_id, stage, SpanKind.INTERNAL, (trace.at(began), trace.at(ended)), {})
        for call in trace.calls:
            if call.seconds >= 0:
                self._call(trace, ids, run_id, call, trail.serving)

    def late(self, trace: Trace, serving: Serving | None, call: Call) -> None:
        """Send the span of a call that ended after its request."""
        if trace.ids is not None and call.id:
            self._call(trace, trace.ids, trace.run_id or trace.ids.span_id, call, serving)

    def close(self) -> None:
        """Send what is left. Blocks for a few seconds at most."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]  # as published

    def _call(self, trace: Trace, ids: Ids, parent: str, call: Call, serving: Serving | None) -> None:
        attributes = _client(call, serving)
        name = str(attributes["db.query.summary"])
        moments = trace.at(call.began), trace.at(call.began + call.seconds)
        self._span(ids, call.id, parent, name, SpanKind.CLIENT, moments, attributes, failed=call.code is not None)

    def _span(
        self,
        ids: Ids,
        id_: str,
        parent: str,
        name: str,
        kind: SpanKind,
        moments: tuple[int, int],
        attributes: Attributes,
        failed: bool = False,
    ) -> None:
        trace_id = int(ids.trace_id, 16)
        span = ReadableSpan(
            name,
            context=SpanContext(trace_id, int(id_, 16), is_remote=False, trace_flags=_SAMPLED),
            parent=SpanContext(trace_id, int(parent, 16), is_remote=kind == SpanKind.SERVER) if parent else None,
            resource=self._resource,
            attributes=attributes,
            kind=kind,
            status=_FAILED if failed else _UNSET,
            start_time=moments[0],
            end_time=moments[1],
            instrumentation_scope=_SCOPE,
        )
        self._processor.on_end(span)


def _server(exchange: Exchange, route: str, method: str, trail: Trail) -> Attributes:
    said: Attributes = {"http.request.method": method, "http.response.status_code": exchange.status or 499}
    if route:
        said |= {"http.route": route, "url.path": route, "url.scheme": _scheme(exchange)}
    if trail.serving is not None:
        said["customhouse.zone"] = trail.serving.zone.name
    if trail.document is not None:
        said |= {"graphql.operation.type": "query", "customhouse.document": trail.document}
    if trail.codes:
        said["error.type"] = str(trail.codes[0])
    elif exchange.status >= 500:
        said["error.type"] = str(exchange.status)
    return said


def _scheme(exchange: Exchange) -> str:
    """As the client used it, where a trusted peer says so."""
    return (exchange.via.scheme() if exchange.via is not None else None) or "http"


def _client(call: Call, serving: Serving | None) -> Attributes:
    products = call.named(serving)
    verb = "SELECT" if call.statement is not None or not call.keys else "LOOKUP"
    said: Attributes = {
        "db.system.name": _system(call.source, serving),
        "db.operation.name": verb,
        "db.query.summary": " ".join([verb, *products])[:_SUMMARY],
        "customhouse.source": call.source,
    }
    if len(products) == 1:
        said["db.collection.name"] = products[0]
    if call.keys > 1:
        said["db.operation.batch.size"] = call.keys
    if call.rows is not None:
        said["db.response.returned_rows"] = call.rows
    if call.code is not None:
        said["error.type"] = call.code
    return said


def _system(source: str, serving: Serving | None) -> str:
    """The engine, in the conventions' words where they have one."""
    if serving is None or source not in serving.project.catalog.sources:
        return "other"
    opened = serving.backends.get(source)
    kind = serving.project.catalog.sources[source].kind
    name = opened.dialect.name if opened is not None and speaks_sql(opened) else kind
    return _SYSTEMS.get(name, name)


def _stages(trace: Trace, timings: Mapping[str, float], end: float) -> Iterator[tuple[str, str, float, float]]:
    """Name, id, beginning and end of each stage."""
    at = trace.began
    for stage in _STAGES_BEFORE:
        if stage in timings:
            until = min(end, at + timings[stage] / 1000)
            yield stage, trace.dice.span(), at, until
            at = until
    if trace.run_id:
        until = min(end, trace.running + timings["run"] / 1000) if "run" in timings else end
        yield "run", trace.run_id, trace.running, until
        if "encode" in timings:
            yield "encode", trace.dice.span(), until, min(end, until + timings["encode"] / 1000)


class _Exporter(SpanExporter):
    """Another exporter, and what became of its spans: once a minute, that some were lost."""

    def __init__(self, exporter: SpanExporter, told: Callable[[str], None]) -> None:
        self._exporter, self._told = exporter, told
        self._lost = 0
        self._last = float("-inf")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result, why = self._exporter.export(spans), "refused"
        except Exception as error:  # noqa: BLE001 - a collector that misbehaves in a new way must not end the thread
            result, why = SpanExportResult.FAILURE, type(error).__name__
        if result is not SpanExportResult.SUCCESS:
            self._lost += len(spans)
            if time.monotonic() - self._last > _TOLD_EVERY:
                self._last = time.monotonic()
                self._told(f"{self._lost} spans: {why}")
                self._lost = 0
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

"""Slow: a line in the log for a request that took too long: where the time went, and what the sources were asked.

The plan's hash tells plans apart and joins equal ones over requests and workers. Statements are scrubbed (`scrub`).
"""

from __future__ import annotations

import hashlib

from app.http.exchange import Exchange
from app.http.trail import Trail
from app.log import event
from app.serving import Serving
from app.telemetry.scrub import scrubbed_sql, words_of
from app.telemetry.trace import Call, Trace
from resolvers.backends.opened import speaks_sql

_MOST_CALLS, _MOST_TEXT = 20, 3_000


def slow(trace: Trace, exchange: Exchange, route: str, trail: Trail, seconds: float) -> None:
    """Say it. Nothing of it is a caller's text or value."""
    said: dict[str, object] = {"request_id": exchange.request_id, "route": route, "status": exchange.status}
    if trace.ids is not None:
        said |= {"trace_id": trace.ids.trace_id, "span_id": trace.ids.span_id}
    said["ms"] = _ms(seconds)
    if trail.document is not None:
        said["document"] = trail.document
    if trail.codes:
        said["codes"] = list(trail.codes)
    said["stages"] = {stage: round(spent, 2) for stage, spent in trail.timings.items()}
    if trail.serving is not None:
        said["zone"] = trail.serving.zone.name
        if trace.texts is not None:
            said |= {"plan": plan_hash(trace), "products": sorted(trace.products)}
        said |= {"calls": len(trace.calls), "sources": _sources(trace, trail.serving)}
    event("slow", "warning", **said)


def plan_hash(trace: Trace) -> str:
    """The same for the same statements, whatever is bound to them."""
    texts = sorted(trace.texts()) if trace.texts is not None else []
    return hashlib.sha256("\0".join(["plan/1", *texts]).encode()).hexdigest()[:16]


def _sources(trace: Trace, serving: Serving) -> list[dict[str, object]]:
    """The calls that took longest, with the text of those that had one, as long as there is room."""
    words = _words(serving)
    room = _MOST_TEXT
    found: list[dict[str, object]] = []
    for call in sorted(trace.calls, key=lambda call: -_seconds(call))[:_MOST_CALLS]:
        one = _call(call, serving)
        backend = serving.backends.get(call.source)
        if call.statement is not None and backend is not None and speaks_sql(backend) and room > 0:
            text = scrubbed_sql(call.statement.text, backend.dialect.sqlglot_name, words)[:room]
            one["sql"] = text
            room -= len(text)
        found.append(one)
    return found


def _call(call: Call, serving: Serving) -> dict[str, object]:
    said: dict[str, object] = {"source": call.source, "products": call.named(serving), "ms": _ms(_seconds(call))}
    for name, value in (("rows", call.rows), ("keys", call.keys or None), ("code", call.code)):
        if value is not None:
            said[name] = value
    return said


def _seconds(call: Call) -> float:
    """How long it took; whoever was still under way took all that is left."""
    return call.seconds if call.seconds >= 0 else float("inf")


def _ms(seconds: float) -> float | None:
    return None if seconds == float("inf") else round(seconds * 1000, 2)


_known_words: dict[str, frozenset[str]] = {}


def _words(serving: Serving) -> frozenset[str]:
    version = serving.project.catalog.version
    found = _known_words.get(version)
    if found is None:
        _known_words.clear()
        found = _known_words[version] = words_of(serving.project.catalog)
    return found

"""The request log: one line per request, enough to operate by and nothing personal.

A caller appears as a keyed mark, which tells two callers apart and cannot be computed from a list of names without the
zone's key; a document by its digest; a partner by its name, which is the catalog's. Query text, variables, claims,
addresses and values never appear.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import orjson

from app.http.exchange import Exchange
from app.http.trail import Trail
from app.log import later, says
from app.marks import mark


def record(exchange: Exchange, route: str, trail: Trail, seconds: float) -> None:
    """Log one exchange, which took so long. ``route`` is a name of ours."""
    if says("info"):
        serving, caller = trail.serving, trail.caller
        later(
            _members,
            exchange.request_id,
            exchange.method,
            route,
            exchange.status,
            seconds,
            exchange.sent,
            None if serving is None else (serving.zone.name, serving.log_key),
            None if caller is None else caller.digest,
            None if caller is None else caller.partner,
            trail.document,
            trail.codes,
            trail.timings,
            None if trail.trace is None or trail.trace.ids is None else trail.trace.ids[:2],
        )


def _members(
    request_id: str,
    method: str,
    route: str,
    status: int,
    seconds: float,
    sent: int,
    served: tuple[str, bytes] | None,
    caller: str | None,
    partner: str | None,
    document: str | None,
    codes: Sequence[str],
    timings: Mapping[str, float],
    traced: tuple[str, ...] | None,
) -> str:
    zone = who = asked = refused = stages = trace = ""
    if served is not None:
        zone = f',"zone":{_quoted(served[0])}'
        if caller is not None:
            who = f',"caller":"{mark(caller, served[1])}"'
        if partner is not None:
            who += f',"partner":{_quoted(partner)}'
    if document is not None:
        asked = f',"document":"{document}"'
    if codes:
        refused = f',"codes":{_json(codes)}'
    if timings:
        stages = f',"stages":{_json({stage: int(spent * 100) / 100 for stage, spent in timings.items()})}'
    if traced is not None:
        trace = f',"trace_id":"{traced[0]}","span_id":"{traced[1]}"'
    return (
        f'"event":"request","request_id":"{request_id}","method":"{method if method in METHODS else "other"}",'
        f'"route":"{route}","status":{status},"ms":{int(seconds * 100_000) / 100},"bytes":{sent}'
        f"{zone}{who}{asked}{refused}{stages}{trace}"
    )


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


_quoted = functools.lru_cache(maxsize=256)(_json)
METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})

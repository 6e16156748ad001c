"""The request log: one line per request, enough to operate by and nothing personal.

A caller appears as a keyed mark, which tells two callers apart and cannot be computed from a list of names without the
zone's key; a document by its digest. Query text, variables, claims, addresses and values never appear.
"""

from __future__ import annotations

import functools
import hashlib
import time

from app.http.exchange import Exchange
from app.http.graphql import Trail
from app.log import line, says


def record(exchange: Exchange, route: str, trail: Trail) -> None:
    """Log one exchange."""
    if not says("info"):
        return
    serving, caller, timings = trail.serving, trail.caller, trail.timings
    said: dict[str, object] = {
        "event": "request",
        "request_id": exchange.request_id,
        "method": exchange.method if exchange.method in _METHODS else "other",
        "route": route,
        "status": exchange.status,
        "ms": int((time.perf_counter() - exchange.began) * 100_000) / 100,
        "bytes": exchange.sent,
    }
    if serving is not None:
        said["zone"] = serving.zone.name
        if caller is not None:
            said["caller"] = mark(caller.digest, serving.log_key)
    if trail.document is not None:
        said["document"] = trail.document
    if trail.codes:
        said["codes"] = trail.codes
    if timings:
        said["stages"] = {stage: int(spent * 100) / 100 for stage, spent in timings.items()}
    line(said)


_METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})


@functools.lru_cache(maxsize=20_000)
def mark(digest: str, key: bytes) -> str:
    """A caller's mark in the log."""
    return hashlib.blake2b(digest.encode("ascii"), key=key, digest_size=8).hexdigest()

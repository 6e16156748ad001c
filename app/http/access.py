"""The request log: one line per request, enough to operate by and nothing personal.

A caller appears as a keyed mark, which tells two callers apart and cannot be computed from a list of names without the
zone's key; a document by its digest. Query text, variables, claims, addresses and values never appear.
"""

from __future__ import annotations

import functools
import hashlib

import orjson

from app.http.exchange import Exchange
from app.http.graphql import Trail
from app.log import members, says


def record(exchange: Exchange, route: str, trail: Trail, seconds: float) -> None:
    """Log one exchange, which took so long. ``route`` is a name of ours."""
    if not says("info"):
        return
    serving, caller = trail.serving, trail.caller
    zone = who = document = codes = stages = ""
    if serving is not None:
        zone = f',"zone":{_quoted(serving.zone.name)}'
        if caller is not None:
            who = f',"caller":"{mark(caller.digest, serving.log_key)}"'
    if trail.document is not None:
        document = f',"document":"{trail.document}"'
    if trail.codes:
        codes = f',"codes":{_json(trail.codes)}'
    if trail.timings:
        stages = f',"stages":{_json({stage: int(spent * 100) / 100 for stage, spent in trail.timings.items()})}'
    method = exchange.method if exchange.method in _METHODS else "other"
    members(
        f'"event":"request","request_id":"{exchange.request_id}","method":"{method}","route":"{route}",'
        f'"status":{exchange.status},"ms":{int(seconds * 100_000) / 100},"bytes":{exchange.sent}'
        f"{zone}{who}{document}{codes}{stages}"
    )


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


_quoted = functools.lru_cache(maxsize=16)(_json)
_METHODS = frozenset({"GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})


@functools.lru_cache(maxsize=20_000)
def mark(digest: str, key: bytes) -> str:
    """A caller's mark in the log."""
    return hashlib.blake2b(digest.encode("ascii"), key=key, digest_size=8).hexdigest()

"""Heads: a zone's own bound on a request's line and headers, below the one that every connection has.

Costs a comparison where the zone has none.
"""

from __future__ import annotations

from app.http.early import Early
from app.http.exchange import Exchange
from app.serving import Switch
from schema.errors import Refusal
from schema.zone import MOST_HEADER_BYTES


def overlong(exchange: Exchange, switch: Switch) -> Early | None:
    """CH163 where the head is longer than the zone reads."""
    serving = switch.current
    if serving is None or serving.zone.max_header_bytes >= MOST_HEADER_BYTES:
        return None
    most = serving.zone.max_header_bytes
    if size(exchange) <= most:
        return None
    why = Refusal(
        "CH163",
        f"The request's query string and headers are longer than {most} bytes.",
        "Send a shorter query string, fewer cookies, or a shorter token.",
        status=431,
    )
    return Early(why, [])


def size(exchange: Exchange) -> int:
    """How long the query string and the headers are as they were written: a header has a colon, a space and an end."""
    return len(exchange.query) + sum([len(name) + len(value) + 4 for name, value in exchange.headers])

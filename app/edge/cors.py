"""CORS: which pages of other origins may ask from a browser (Fetch standard, section 3.3).

Origins are listed one by one. There is no `*`, nor `null`, which every sandboxed page has, nor a pattern: patterns are
where such lists leak. Credentials are never allowed, because none are used: a caller is known by a token that the page
itself puts into a header, and a browser adds no header by itself. So a page that is not listed cannot ask in anybody's
name, whatever it sends; what it gets is not shown to it.
"""

from __future__ import annotations

import re

from app.http.early import Early
from app.http.exchange import Exchange, RawHeaders
from schema.errors import Refusal

_ORIGIN = re.compile(r"https?://(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(?::\d{1,5})?")
MAX_AGE = 600
ASKED = (
    "Authorization", "Content-Type", "If-None-Match", "X-Cost", "X-Purpose", "X-Request-Id", "Traceparent",
    "Tracestate", "Apollographql-Client-Name", "Apollographql-Client-Version",
)  # fmt: skip
"""The headers that a page may send: all that the gateway reads of a client's, and those that Apollo's clients add."""
SHOWN = (
    "ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "Server-Timing", "WWW-Authenticate", "X-Request-Id",
)  # fmt: skip
"""The headers of answers that a page gets to see, beside those that every page sees."""
_VARY: RawHeaders = [(b"vary", b"Origin")]
_PREFLIGHT_VARY = (b"vary", b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers")


class Cors:
    """The listed origins."""

    def __init__(self, origins: frozenset[str]) -> None:
        self._listed: dict[str, RawHeaders] = {
            origin: [
                (b"access-control-allow-origin", origin.encode("ascii")),
                (b"access-control-expose-headers", ", ".join(SHOWN).encode("ascii")),
                *_VARY,
            ]
            for origin in origins
        }
        self._lines = {origin.encode("ascii"): _lines(said) for origin, said in self._listed.items()}
        self._others = _lines(_VARY)

    def lists(self, origin: str) -> bool:
        return origin in self._listed

    def enter(self, exchange: Exchange) -> None:
        """Say in the answer who may read it; answer a preflight here and now, before anybody asks for a token."""
        origin = exchange.header(b"origin")
        if exchange.method == "OPTIONS" and origin and exchange.header(b"access-control-request-method"):
            exchange.early = self._preflight(origin)
        else:
            exchange.also = self._listed.get(origin, _VARY)

    def lines(self, headers: RawHeaders) -> bytes:
        """Who may read an answer that is made without an exchange, as header lines."""
        origins = [value for name, value in headers if name == b"origin"]
        return self._lines.get(origins[0], self._others) if len(origins) == 1 else self._others

    def asks(self, headers: RawHeaders) -> bool:
        """Whether an OPTIONS with these headers is a listed page's preflight."""
        known = dict(headers)
        return known.get(b"origin") in self._lines and b"access-control-request-method" in known

    def _preflight(self, origin: str) -> Early:
        if not self.lists(origin):
            return Early(foreign(), [_PREFLIGHT_VARY])
        headers = [
            (b"access-control-allow-origin", origin.encode("ascii")),
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", ", ".join(ASKED).encode("ascii")),
            (b"access-control-max-age", b"%d" % MAX_AGE),
            _PREFLIGHT_VARY,
        ]
        return Early(None, headers)


def _lines(headers: RawHeaders) -> bytes:
    return b"".join([name + b": " + value + b"\r\n" for name, value in headers])


def foreign() -> Refusal:
    return Refusal("CH156", "Pages of this origin may not ask here.", status=403)


def read_origins(text: str) -> frozenset[str]:
    """Origins with commas between. Raises ValueError for what is none, and for `*` and `null`."""
    found = [part.strip().lower() for part in text.split(",") if part.strip()]
    for origin in found:
        if origin in ("*", "null"):
            raise ValueError(f"{origin} would let pages of anybody ask: list origins one by one")
        if not _ORIGIN.fullmatch(origin) or origin.endswith((":80", ":443")):
            raise ValueError(f"{origin!r} is no origin as a browser writes it, such as https://app.example")
    return frozenset(found)

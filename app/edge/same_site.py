"""Requests that another site makes a browser send, where the browser itself brings what makes the caller known.

A load balancer that signs callers in knows them by a cookie, and browsers send cookies whoever wrote the page. Bodies
are safe already: JSON needs a preflight. But a page of anybody could make a browser ask by GET, load the sources in the
caller's name, and look how long the answer is. So in that mode only pages of our own origin, and of listed ones, ask.
"""

from __future__ import annotations

from app.http.exchange import Exchange

_OUR_OWN = ("same-origin", "none")


def from_elsewhere(exchange: Exchange, path: str, listed: bool) -> bool:
    """Whether another site's page makes the browser ask. ``listed``: its origin may. What sends neither
    ``Sec-Fetch-Site`` nor ``Origin`` is no browser of today."""
    site, origin = exchange.header(b"sec-fetch-site").lower(), exchange.header(b"origin")
    if listed:
        return False
    if site:
        return site not in _OUR_OWN and not _opened(exchange, path)
    return bool(origin) and origin != _own_origin(exchange)


def _opened(exchange: Exchange, path: str) -> bool:
    """A link that was followed to a page of ours, which asks nothing."""
    opened = exchange.header(b"sec-fetch-mode").lower() == "navigate" and exchange.method == "GET"
    return opened and path in ("/", "/graphql") and not exchange.query


def _own_origin(exchange: Exchange) -> str:
    via = exchange.via
    host = (via.host() if via is not None else None) or exchange.header(b"host")
    scheme = (via.scheme() if via is not None else None) or "https"
    return f"{scheme}://{host}"

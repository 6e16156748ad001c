"""The edge of one gateway: what is done for a request before anybody answers it.

1. Take off the prefix of every address, where the settings name one.
2. Where the connection comes from a trusted peer, believe what it says of the request (`app.edge.via`), and take over
   its request id.
3. Where the connection comes from a peer that may say who asks, pass on what it says (`app.edge.identity`).
4. Say in the answer which pages may read it, and answer preflights (`app.edge.cors`).

From anybody else the headers of 2 and 3 are text like any other, and nobody looks at them.
"""

from __future__ import annotations

from app.edge.cors import Cors, foreign
from app.edge.identity import vouch
from app.edge.peers import Peers
from app.edge.request_id import gateway_id
from app.edge.same_site import from_elsewhere
from app.edge.settings import EdgeSettings
from app.edge.via import Via
from app.http.early import Early
from app.http.exchange import Exchange, Scope


class Edge:
    """Nothing in it belongs to a request."""

    def __init__(self, settings: EdgeSettings) -> None:
        self._settings, self._trusted = settings, Peers(settings.trusted)
        self._speakers = Peers(() if settings.identity is None else settings.identity.peers)
        self._prefix = settings.prefix
        self.cors = Cors(settings.origins) if settings.origins else None

    @classmethod
    def of(cls, settings: EdgeSettings) -> Edge | None:
        """None where the settings ask for nothing that a request has to be looked at for."""
        asked = settings.trusted or settings.prefix or settings.identity is not None or settings.origins
        return cls(settings) if asked else None

    def enter(self, exchange: Exchange, scope: Scope) -> str:
        """Look at a request; gives its path without the prefix."""
        path, client = str(scope["path"]), scope.get("client")
        prefix = self._prefix
        if prefix and path.startswith(prefix) and path[len(prefix) :].startswith("/"):
            path = path[len(prefix) :]
            exchange.prefix = prefix
        peer = str(client[0]) if isinstance(client, tuple | list) and client else ""
        if self._trusted and self._trusted.trusts(peer):
            via = exchange.via = Via(exchange.headers, peer, self._trusted, self._settings.family)
            exchange.prefix = exchange.prefix or via.prefix(path)
            if self._settings.request_id_from:
                exchange.request_id = (
                    gateway_id(exchange.headers, self._settings.request_id_from) or exchange.request_id
                )
        if self._speakers and self._speakers.trusts(peer):
            self._hear(exchange, path)
        if self.cors is not None:
            self.cors.enter(exchange)
        return path

    def _hear(self, exchange: Exchange, path: str) -> None:
        identity = self._settings.identity
        said = [] if identity is None else vouch(identity, exchange.headers)
        if said:
            exchange.headers = [*exchange.headers, *said]
            exchange.single = None  # what is remembered of a token by itself is not this caller
            listed = self.cors is not None and self.cors.lists(exchange.header(b"origin"))
            if identity is not None and identity.format == "alb" and from_elsewhere(exchange, path, listed):
                exchange.early = Early(foreign(), [])

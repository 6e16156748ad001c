"""Whoever may say who asks: made from the setting that names it."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable

from app.edge.alb import LoadBalancer
from app.edge.gcp import CERTIFICATES, ApiGateway
from app.edge.identity import GatewayIdentity
from app.tokens.fetch import TIMEOUT, Unavailable, get
from app.tokens.keyset import KeySet, Pace


def speaker(identity: GatewayIdentity, google: Callable[[], KeySet]) -> LoadBalancer | ApiGateway:
    """``google`` gives Google's keys, for whom that needs them."""
    return LoadBalancer(identity) if identity.format == "alb" else ApiGateway(identity, google())


def google_keys(identity: GatewayIdentity, refresh: float) -> KeySet:
    """The keys that Google signs ID tokens with."""
    where = identity.keys or CERTIFICATES

    def text() -> bytes:
        try:
            return get(where, time.monotonic() + TIMEOUT)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Unavailable(type(error).__name__) from None

    return KeySet("google", ("RS256",), text, Pace(refresh))

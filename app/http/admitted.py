"""Admitted: who asks, and that it may ask now, for whatever is answered beside GraphQL's own fast way."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from app.http.exchange import RawHeaders
from app.http.trail import Trail
from app.serving import Serving
from schema.caller import Caller


@contextlib.asynccontextmanager
async def admitted(serving: Serving, headers: RawHeaders, trail: Trail) -> AsyncIterator[Caller]:
    """The caller of a request that may be answered, for as long as it may; the trail learns of it. Raises `Refusal`,
    also in place of a cancellation."""
    trail.serving = serving
    caller = trail.caller = await serving.authenticator.authenticate(headers)
    if serving.door is None:
        yield caller
        return
    trail.visit = serving.door.visit(caller)
    async with trail.visit:
        yield caller

"""Listening: how uvicorn serves an application of ours, whichever listener it is for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import uvicorn

from app.http.exchange import Receive, Scope, Send
from app.http.protocol import BoundedProtocol

App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
KEEP_ALIVE = 75  # seconds; longer than the idle time of the load balancers in front, so that they close first


def listening(app: App, patience: float) -> uvicorn.Config:
    """``patience``: seconds that requests in flight get to end; 0 for as long as they take. An application may say how
    many seconds its connections are kept at rest (``keep_alive``), and how many it answers at once (``crowd``)."""
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=getattr(app, "keep_alive", KEEP_ALIVE),
        timeout_graceful_shutdown=int(patience) or None,
    )

"""The admin listener: metrics and health of all workers together, on an address of its own, for operators only.

It is a process beside the workers that reads their sheets, so it answers while they are busy, and one that is broken by
a client keeps nobody from serving. Open to whoever reaches it: it names no caller and no value, but belongs on loopback
or a network of the operators.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, MutableMapping, Sequence

import orjson
import uvicorn
import uvloop

from app.http.listening import listening
from app.metrics.sheet import Sheet
from app.workers.lifeline import Lifeline

_STALLED = 10.0
_JSON = "application/json"
Answer = tuple[int, str, bytes]
_Message = MutableMapping[str, object]


def serve_admin(listener: socket.socket, sheets: Sequence[Sheet], lifeline: Lifeline) -> None:
    """Until SIGTERM, or until the parent has gone."""
    uvloop.run(_serve(listener, AdminListener(sheets), lifeline))


async def _serve(listener: socket.socket, app: AdminListener, lifeline: Lifeline) -> None:
    server = uvicorn.Server(listening(app, 1))
    with lifeline.watching(lambda: server.handle_exit(signal.SIGINT, None)):
        await server.serve([listener])


class AdminListener:
    """An ASGI application of four addresses."""

    def __init__(self, sheets: Sequence[Sheet]) -> None:
        self._sheets = sheets
        self._answers: dict[str, Callable[[], Answer]] = {
            "/metrics": self._metrics,
            "/livez": lambda: _json(200, "live"),
            "/startupz": self._started,
            "/readyz": self._ready,
        }

    async def __call__(
        self,
        scope: MutableMapping[str, object],
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
    ) -> None:
        answer = self._answers.get(str(scope["path"]))
        if answer is None:
            status, content_type, body = _json(404, "nothing here")
        elif scope["method"] not in ("GET", "HEAD"):
            status, content_type, body = _json(405, "GET only")
        else:
            status, content_type, body = await asyncio.to_thread(answer)
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
            *([(b"allow", b"GET, HEAD")] if status == 405 else []),
            *([(b"retry-after", b"5")] if status == 503 else []),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    def _metrics(self) -> Answer:
        from app.metrics.exposition import CONTENT_TYPE, exposition  # prometheus_client: in this process only

        return 200, CONTENT_TYPE, exposition(self._sheets)

    def _started(self) -> Answer:
        up = any(sheet.serving for sheet in self._sheets)
        return _json(200 if up else 503, "started" if up else "starting")

    def _ready(self) -> Answer:
        """Requests are answered where one worker at least can answer them: new connections go to those that live."""
        serving = [sheet for sheet in self._sheets if sheet.serving]
        lacks, degraded = [_lacks(sheet) for sheet in serving], sorted({n for sheet in serving for n in sheet.degraded})
        if any(not missing for missing in lacks):
            return _json(200, "ready", missing=[], degraded=degraded)
        missing = sorted({name for missing in lacks for name in missing}) or ["catalog"]
        return _json(503, "not ready", missing=missing, degraded=degraded)


def _lacks(sheet: Sheet) -> tuple[str, ...]:
    return ("beat",) if sheet.silent_for > _STALLED else sheet.missing


def _json(status: int, said: str, **more: object) -> Answer:
    return status, _JSON, orjson.dumps({"status": said, **more})

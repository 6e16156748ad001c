"""Beside: what FastAPI answers goes out as everything else does, with our headers, and as fast as it is read."""

from __future__ import annotations

from app.http.exchange import ALWAYS, Exchange, Message, RawHeaders
from app.http.refuse import PROBLEM, problem, refusal_headers
from app.http.trail import Trail
from app.serving import Switch
from schema.errors import Refusal


class Beside:
    """The ``send`` of one exchange."""

    def __init__(self, exchange: Exchange, trail: Trail, switch: Switch) -> None:
        self._exchange, self._trail, self._switch = exchange, trail, switch
        self._head: Message | None = None
        self._withheld = False

    async def __call__(self, message: Message) -> None:
        """A message of ASGI. The head waits for the body behind it, for which there may be no room."""
        if self._withheld:
            return
        if message["type"] == "http.response.start":
            self._head = message
            return
        given, more = message.get("body", b""), bool(message.get("more_body", False))
        body = given if isinstance(given, bytes) else b""
        try:
            with self._exchange.keeping(body) as kept:
                if self._head is not None and not await self._begin(self._head, None if more else len(body)):
                    return
                self._exchange.sent += len(body)
                await self._exchange.pieces(body, kept)
                if not more:
                    await self._exchange.taken({"type": "http.response.body", "body": b""})
        except Refusal as refusal:
            await self._refuse(refusal)

    async def _begin(self, head: Message, length: int | None) -> bool:
        """Send the head; False where another answer had to be sent instead. ``length`` None: more follows."""
        self._head, self._exchange.closing = None, self._switch.draining
        exchange, given, status = self._exchange, head.get("headers", []), int(str(head["status"]))
        headers: RawHeaders = given if isinstance(given, list) else []
        if exchange.admit is not None and (instead := await exchange.admit(status, length)) is not None:
            self._withheld, exchange.admit = True, None
            await exchange.respond(*instead)
            return False
        exchange.status = status
        ours = [(b"x-request-id", exchange.request_id.encode("ascii")), *ALWAYS, *exchange.also]
        ending = [(b"connection", b"close")] if exchange.closing else []
        await exchange.taken({**head, "headers": [*headers, *ours, *ending]})
        return True

    async def _refuse(self, why: Refusal) -> None:
        self._withheld, self._exchange.closing = True, self._switch.draining
        if self._head is None:
            raise RuntimeError("a long piece stands behind another: half an answer has been sent")
        self._trail.withheld([why.code])
        said = problem(why, self._exchange.request_id, self._switch.restricted)
        await self._exchange.respond(why.status, PROBLEM, said, refusal_headers(why))

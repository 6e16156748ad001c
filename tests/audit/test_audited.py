"""A streamed answer whose record is required: told before its first byte and after its last, or not given at all."""

from __future__ import annotations

from collections.abc import AsyncIterator

import orjson
import pytest

from app.audit.audit import Audit
from app.audit.told import Exchanged, Told
from app.http.audited import Audited
from app.http.exchange import Exchange, Message
from app.http.trail import Trail
from tests.audit.lines import CALLER


class Desk(Audit):
    """Accepts or not, and keeps what it was told, with how much had been sent by then."""

    def __init__(self, accepts: bool, sent: list[Message]) -> None:
        super().__init__(True, ())
        object.__setattr__(self, "accepts", accepts)
        object.__setattr__(self, "sent", sent)
        object.__setattr__(self, "told", [])

    def tell(self, told: Told) -> None:
        assert isinstance(told, Exchanged)
        self.told.append((told.phase, told.status, told.rows, len(self.sent)))  # type: ignore[attr-defined]

    async def accepted(self, told: Exchanged) -> bool:
        self.tell(told)
        return bool(self.accepts)  # type: ignore[attr-defined]


@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("accepts", [True, False])
async def test_a_stream(accepts: bool, restricted: bool) -> None:
    sent: list[Message] = []
    given: list[bytes] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one", b"two"):
            given.append(piece)
            yield piece

    scope = {"method": "POST", "query_string": b"", "headers": []}
    exchange, trail, desk = Exchange(scope, receive, send, 5.0), Trail(), Desk(accepts, sent)
    audited = Audited(desk, exchange, trail, "/sql", ("127.0.0.1", 1), restricted)
    trail.caller = CALLER
    await exchange.stream(200, "text/csv", pieces())
    trail.shown = 2 if accepts else None
    audited.over(exchange.status, 0.5)
    body = b"".join(message.get("body", b"") for message in sent)  # type: ignore[misc]
    if accepts:
        assert body == b"onetwo"
        assert desk.told == [("begun", 200, None, 0), ("ended", 200, 2, len(sent))]  # type: ignore[attr-defined]
    else:
        assert (sent[0]["status"], given) == (503, [])
        said = {"type", "title", "status", "code", "request_id"} | (set() if restricted else {"detail"})
        assert orjson.loads(body).keys() == said and trail.codes == ["CH155"]
        assert desk.told == [("begun", 200, None, 0), ("whole", 503, None, 0)]  # type: ignore[attr-defined]

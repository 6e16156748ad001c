"""Crowd: requests beyond what a process answers at once are turned away, before anything is made for them.

To turn one away must cost next to nothing: at three times what a process can do it does that more often than anything
else, and what it costs is taken from those who are answered. So it happens where the head of a request has just been
read (`app.http.protocol`): no task, no line in the log; it is counted, in the audit trail too, and has an id like
every answer. So it is with what the protocol refuses by itself. A page of a listed origin may read it, too; what the
page's browser asks before it asks is answered, however busy the process is: else the page would never learn that it
should come again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.http.exchange import ALWAYS, RawHeaders, request_id_of
from app.http.refuse import shaped
from app.http.routes import DOCUMENTS, GRAPHQL, HEALTH, OTHER
from app.metrics.metrics import Metrics
from schema.errors import Refusal

if TYPE_CHECKING:
    from app.audit.tally import Tally
    from app.edge.cors import Cors

_GRAPHQL, _DOCUMENTS = GRAPHQL.encode("ascii"), DOCUMENTS.encode("ascii")
_HEALTH = tuple(path.encode("ascii") for path in sorted(HEALTH))
_WHY = Refusal("CH159", "The gateway has too much to do at the moment.", status=503)
_ID = "\0"


class Crowd:
    """``most`` requests are answered at once. ``cors`` None: no pages of other origins may ask; ``tally`` None: there
    is no audit trail."""

    def __init__(
        self, most: int, metrics: Metrics, zone: str, cors: Cors | None = None, tally: Tally | None = None
    ) -> None:
        self.most, self._cors, self._tally = most, cors, tally
        self._metrics, self._zone = metrics, zone
        self._graphql, self._beside = (_template(*shaped(_WHY, route, _ID, True)) for route in (GRAPHQL, OTHER))

    def turned_away(self, method: str, url: bytes, headers: RawHeaders) -> tuple[bytes, bytes] | None:
        """Header lines and body of the answer to one too many; None for who asks whether the process is well, and for
        preflights of listed pages."""
        path = url.partition(b"?")[0]
        if path.endswith(_HEALTH):
            return None
        cors = self._cors
        if cors is not None and method == "OPTIONS" and cors.asks(headers):
            return None
        asks = path.endswith(_GRAPHQL) or _DOCUMENTS in path
        self._count(_WHY, GRAPHQL if asks else OTHER, method)
        head, middle, end = self._graphql if asks else self._beside
        request_id = request_id_of(headers).encode("ascii")
        length = len(middle) + len(request_id) + len(end)
        head = head % (length, request_id)
        return head if cors is None else head + cors.lines(headers), middle + request_id + end

    def refused(self, why: Refusal, headers: RawHeaders) -> bytes:
        """The protocol refuses by itself what has no address yet, or none that can be believed; gives the header lines
        that say who may read that."""
        self._count(why, OTHER, OTHER)
        return b"" if self._cors is None else self._cors.lines(headers)

    def _count(self, why: Refusal, route: str, method: str) -> None:
        self._metrics.began()
        self._metrics.request(self._zone, route, method, why.status, 0.0, None, (why.code,))
        if self._tally is not None:
            self._tally.add(why.code, why.status, route)


def _template(content_type: str, body: bytes) -> tuple[bytes, bytes, bytes]:
    """Headers, with places for length and id; the body before and behind its id."""
    lines = [(b"content-type", content_type.encode("ascii")), *ALWAYS, (b"retry-after", b"1")]
    fixed = b"".join([name + b": " + value + b"\r\n" for name, value in lines])
    before, _, behind = body.partition(b"\\u0000")
    return fixed + b"content-length: %d\r\nx-request-id: %b\r\n", before, behind

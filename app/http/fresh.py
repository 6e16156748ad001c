"""Fresh: answers that a client may keep for a moment, or have confirmed without their bytes (RFC 9111, RFC 9110 13.1).

Only an answer to a GET, and only where every statement behind it reads products whose stewards allow it (`cache: true`
and `freshness`). How long is what is left of the shortest freshness, counted from when the rows were fetched, never
longer than the token lives, and never longer than `LONGEST`: a change of rules must reach whoever keeps answers, too.

Only the client itself may keep it (`private`), and for the same token and purpose alone (`Vary`). The tag is over the
answer's bytes, with a key of the zone, and the caller's: two callers cannot compare what they see by it.
"""

from __future__ import annotations

import time
from hashlib import blake2b
from typing import NamedTuple

from app.http.exchange import Exchange
from resolvers.operation import Answer
from schema.caller import Caller

LONGEST = 30.0
"""Seconds after which no answer is begun by rules that have changed, which holds for answers that are kept, too."""
_VARY = (b"vary", b"Authorization, X-Purpose")


class Kept(NamedTuple):
    """How an answer may be kept; ``same``: the client has it already."""

    control: bytes
    headers: list[tuple[bytes, bytes]]
    same: bool


def kept(exchange: Exchange, answer: Answer, caller: Caller, key: bytes) -> Kept | None:
    """None where it may not be kept at all. ``key`` is the zone's."""
    if exchange.method != "GET" or answer.fresh is None or answer.status != 200 or exchange.single is None:
        return None  # headers that stand twice, and callers whom a gateway knows: by what is not for us to say
    seconds = int(min(answer.fresh, LONGEST, caller.expires - time.time()))
    control = b"private, max-age=%d" % seconds if seconds > 0 else b"private, no-cache"
    tag = _tag(answer.body, caller, key)
    return Kept(control, [(b"etag", tag), _VARY], _holds(exchange.single.get(b"if-none-match", b""), tag))


def _tag(body: bytes, caller: Caller, key: bytes) -> bytes:
    """Weak: the same for an answer in any coding."""
    digest = blake2b(body, key=key, digest_size=16, person=b"customhouse etag")
    digest.update(caller.digest.encode("ascii"))
    return b'W/"%b"' % digest.hexdigest().encode("ascii")


def _holds(said: bytes, tag: bytes) -> bool:
    listed = {part.strip().removeprefix(b"W/") for part in said.split(b",")}
    return said.strip() == b"*" or tag.removeprefix(b"W/") in listed

"""Chain: each line of a trail holds the hash of the line before it and its own.

A line is a record in its canonical form (RFC 8785 in short: keys in order, no white space, UTF-8), with
``unmapped.chain`` in it: ``id`` of the chain, ``seq`` from 1, ``prev`` (64 zeros at the beginning) and ``hash``, the
SHA-256 of the same line without ``hash``. One writer makes one chain, from its start to its end.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import orjson

FIRST = "0" * 64
_PLACE, _OPENED = b'"chain":{"id"', b'"chain":{"hash":"%b","id"'
Json = dict[str, object]


@dataclass(slots=True)
class Chain:
    """A chain as far as it has been made."""

    id: str
    seq: int = 0
    hash: str = FIRST

    def line(self, record: Json) -> bytes:
        """The record's line, which is the chain's next."""
        place = {"id": self.id, "prev": self.hash, "seq": self.seq + 1}
        unmapped = cast(Json, record["unmapped"])
        text = canonical(record | {"unmapped": unmapped | {"chain": place}})
        self.hash, self.seq = hashlib.sha256(text).hexdigest(), self.seq + 1
        # A quoted name before a colon cannot stand inside a text, where quotes are escaped.
        return text.replace(_PLACE, _OPENED % self.hash.encode("ascii"), 1) + b"\n"


def canonical(record: Json) -> bytes:
    """The one form that is hashed. Numbers are whole, so that every writer of JSON writes them alike."""
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS)


def chain_id(sink: str, worker: int | None, now: float) -> str:
    """A name that no other chain has: the sink, the worker, when it began."""
    began = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{sink}-{0 if worker is None else worker}-{began}-{secrets.token_hex(4)}"

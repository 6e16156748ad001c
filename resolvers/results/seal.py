"""Seal: an entry as bytes that only the zone that made it can read, for a cache that others can reach.

AES-256-GCM with a key for each result key, and the result key as associated data: an entry that was changed, moved to
another key or written by another zone does not open. The text is padded, so that its length tells little.

Does not promise: that an entry is the newest one of its key. Whoever can write to the cache can put an older one back;
that it is not used after its time is decided by when its fetch began, which is inside.
"""

from __future__ import annotations

import os
from hashlib import blake2b

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from resolvers.results.entry import Rows

_VERSION = b"customhouse result entry 1"
_NONCE = 12
_BLOCK = 256
_LITERAL = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def seal(secret: bytes, key: bytes, began: float, rows: Rows) -> bytes | None:
    """Seal rows and the time at which their fetch began, in seconds since 1970. None for rows that JSON cannot give
    back as they are (numbers beyond 64 bits, texts that are no Unicode)."""
    try:
        plain = orjson.dumps((began, rows), option=_LITERAL)
    except TypeError:
        return None
    plain += b" " * (-len(plain) % _BLOCK)
    nonce = os.urandom(_NONCE)
    return nonce + _cipher(secret, key).encrypt(nonce, plain, _VERSION + key)


def unseal(secret: bytes, key: bytes, sealed: bytes) -> tuple[float, Rows] | None:
    """The time and the rows; None for anything that was not sealed under this key by this zone."""
    try:
        plain = _cipher(secret, key).decrypt(sealed[:_NONCE], sealed[_NONCE:], _VERSION + key)
    except (InvalidTag, ValueError):
        return None
    began, rows = orjson.loads(plain)
    return began, list(map(tuple, rows))


def _cipher(secret: bytes, key: bytes) -> AESGCM:
    """A key of its own for each result key: random nonces may be drawn for it without counting them."""
    return AESGCM(blake2b(key, digest_size=32, key=secret, person=b"result entry").digest())

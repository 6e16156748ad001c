"""The keyed hash behind `hash` and `token`: HMAC-SHA-256 under a key of the zone.

Nothing but the value's text goes into it, so equal values give equal hashes in every column and product of a zone,
which is what joins need, and different ones in every other zone.
"""

from __future__ import annotations

import hashlib
import hmac


def hex_digest(key: bytes, text: str) -> str:
    """``CH_HMAC``: lower-case hex. Lone surrogates, which no engine stores, are encoded as they stand."""
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def int_digest(key: bytes, text: str) -> int:
    """``CH_HMAC_INT``: the first 63 bits, so never negative."""
    return int(hex_digest(key, text)[:16], 16) >> 1

"""Seal: opaque cursors and node ids.

AES-SIV (RFC 5297): the same values always give the same text, so that ETags and comparisons work, and nobody without
the key reads or forges one. The text is padded, and bound to the caller's papers, the versions of catalog and
policies, and to what the front end says it is for (product, order, filter).
"""

from __future__ import annotations

import base64
import binascii
import functools

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from schema.errors import Refusal

_BLOCK = 48
_LONGEST = 8192


class Sealer:
    """Seals for one request. ``key`` is 64 bytes that all workers share; ``bound`` identifies papers and versions.

    What it has opened it remembers: a cursor decides the shape of a query, and each of its values is bound.
    """

    __slots__ = ("_opened", "bound", "key")

    def __init__(self, key: bytes, bound: tuple[str, ...]) -> None:
        self.key, self.bound = key, bound
        self._opened: dict[tuple[str, str, str], tuple[object, ...]] = {}

    def seal(self, kind: str, values: tuple[object, ...], seal: str) -> str:
        """The sealed text of JSON values. ``kind`` is 'cursor' or 'node'."""
        plain = orjson.dumps(values)
        plain += b" " * (-len(plain) % _BLOCK)
        return _text(_cipher(self.key).encrypt(plain, self._associated(kind, seal)))

    def open(self, kind: str, text: str, seal: str) -> tuple[object, ...]:
        """The values of a sealed text. Raises `Refusal` CH110 for one that was not sealed for this caller and use."""
        where = (kind, text, seal)
        if where not in self._opened:
            self._opened[where] = self._open(kind, text, seal)
        return self._opened[where]

    def _open(self, kind: str, text: str, seal: str) -> tuple[object, ...]:
        try:
            if len(text) > _LONGEST or not text.isascii():
                raise ValueError
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            if _text(sealed) != text:
                raise ValueError  # another spelling of the same bytes
            values = orjson.loads(_cipher(self.key).decrypt(sealed, self._associated(kind, seal)))
        except (InvalidTag, ValueError, binascii.Error):
            raise Refusal(
                "CH110",
                f"This {kind} is not valid here.",
                "It belongs to another query, order, filter or caller, or the catalog has changed: start again.",
            ) from None
        return tuple(values)

    def _associated(self, kind: str, seal: str) -> list[bytes]:
        return [b"customhouse", kind.encode(), "\0".join(self.bound).encode(), seal.encode()]


@functools.lru_cache(maxsize=64)
def _cipher(key: bytes) -> AESSIV:
    return AESSIV(key)


def _text(sealed: bytes) -> str:
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

"""Coding: an answer in gzip or zstd, where the client asks for it and there is enough to save.

What a coding saves tells how much an answer repeats itself, which gives secrets away where an attacker's text stands
beside them and he can see lengths (BREACH). Here an answer holds governed rows, or what the caller may know of them,
which it is given anyway, and no other secret; and no page can ask in a caller's name (`app.edge.cors`). Refusals are
never coded.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import zlib

import zstandard

from app.http.exchange import RawHeaders
from app.http.media_sql import Coding, coding_of

_SMALL, _LARGE = 8 * 1024, 32 * 1024
_LEVEL = 1  # of both: the next ones save a tenth more for twice the time
_local = threading.local()


@functools.lru_cache(maxsize=256)
def coding_for(accept_encoding: str) -> Coding:
    """What the client likes best; between equals zstd, which takes a quarter of gzip's time."""
    return coding_of(accept_encoding, "json")


async def coded_for(body: bytes, accept_encoding: str) -> tuple[bytes, RawHeaders]:
    """The body in the coding that the client likes best, and the header that says so."""
    coding = coding_for(accept_encoding) if accept_encoding else "identity"
    if coding == "identity":
        return body, []
    return await coded(body, coding), [(b"content-encoding", coding.encode("ascii"))]


async def coded(body: bytes, coding: Coding) -> bytes:
    """The body in a coding; a large one in a thread of its own."""
    if len(body) > _LARGE:
        return await asyncio.to_thread(_coded, body, coding)
    return _coded(body, coding)


def _coded(body: bytes, coding: Coding) -> bytes:
    if coding == "zstd":
        found: zstandard.ZstdCompressor | None = getattr(_local, "zstd", None)
        if found is None:
            found = _local.zstd = zstandard.ZstdCompressor(level=_LEVEL)
        return found.compress(body)
    # A window of 8 KiB and less memory: setting up the usual 256 KiB takes longer than the work.
    bits, memory = (13, 6) if len(body) <= _SMALL else (15, 8)
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, 16 + bits, memory)
    return compressor.compress(body) + compressor.flush()

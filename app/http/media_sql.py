"""In which format and content coding an answer to a question in SQL is wanted (RFC 9110 sections 12.5.1 and 12.5.3)."""

from __future__ import annotations

import functools
import re
from typing import Literal

from app.http.media import QUALITY, TOKEN, ranges_of, wanted
from resolvers.formats.choose import MEDIA, Format

Coding = Literal["identity", "gzip", "zstd"]
_PREFERRED: tuple[Coding, ...] = ("zstd", "gzip", "identity")
_CODING = re.compile(rf"\s*({TOKEN})\s*(?:;\s*[qQ]\s*=\s*({QUALITY})\s*)?")
_COMPRESSED = frozenset({"parquet"})


@functools.lru_cache(maxsize=256)
def format_of(accept: str, offered: frozenset[str] | None = None) -> Format | None:
    """The higher quality wins, between equals the one named more exactly, then the order of `MEDIA`: JSON first.
    ``offered`` are the formats there are, None all.

    None where the client accepts none of them. Without a wish it is the first.
    """
    there = {format_: media for format_, media in MEDIA.items() if offered is None or format_ in offered}
    if not accept.strip():
        return next(iter(there))
    ranges = ranges_of(accept)
    best, chosen = (0.0, -1), None
    for format_, media in there.items():
        found = wanted(media, ranges)
        if found[0] > 0 and found > best:
            best, chosen = found, format_
    return chosen


@functools.lru_cache(maxsize=256)
def coding_of(accept_encoding: str, format_: Format) -> Coding:
    """The content coding: what the client likes best, between equals zstd, then gzip.

    Nothing is coded unless it is asked for, nor what is compressed already. A client that accepts none of the codings
    and refuses the plain form as well gets the plain form, as RFC 9110 advises.
    """
    if format_ in _COMPRESSED:
        return "identity"
    said = dict(_said(accept_encoding))
    best, chosen = 0.0, _PREFERRED[-1]
    for coding in _PREFERRED:
        quality = said.get(coding, said.get("*", 0.0))
        if quality > best:
            best, chosen = quality, coding
    return chosen


def _said(accept_encoding: str) -> list[tuple[str, float]]:
    matches = [_CODING.fullmatch(element) for element in accept_encoding.split(",")]
    return [(match[1].lower().removeprefix("x-"), float(match[2] or 1)) for match in matches if match is not None]

"""Media types: what a request's body is, and in which form its answer is wanted (RFC 9110 sections 8.3 and 12.5.1)."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Literal

Media = Literal["application/json", "application/graphql-response+json"]
JSON: Media = "application/json"
GRAPHQL: Media = "application/graphql-response+json"
VARY = (b"vary", b"Accept, Accept-Encoding")
"""Of every answer whose form or coding the client chooses."""
_OFFERED: tuple[Media, Media] = (GRAPHQL, JSON)

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TYPE = re.compile(rf"\s*({TOKEN})/({TOKEN})\s*")
_PARAMETER = re.compile(rf';\s*({TOKEN})\s*=\s*({TOKEN}|"(?:[^"\\]|\\.)*")\s*')
QUALITY = r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?"
_QUALITY = re.compile(QUALITY)
_ELEMENT = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*")+')


@dataclass(frozen=True, slots=True)
class MediaRange:
    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...]

    def parameter(self, name: str) -> str | None:
        return dict(self.parameters).get(name)


def parse_media(text: str) -> MediaRange | None:
    """A media type or range with its parameters, names in lower case; None where it cannot be read."""
    match = _TYPE.match(text)
    if match is None:
        return None
    at, parameters = match.end(), []
    while at < len(text):
        parameter = _PARAMETER.match(text, at)
        if parameter is None:
            return None
        value = parameter[2]
        parameters.append((parameter[1].lower(), value[1:-1] if value.startswith('"') else value))
        at = parameter.end()
    return MediaRange(match[1].lower(), match[2].lower(), tuple(parameters))


@functools.lru_cache(maxsize=256)
def is_json_body(content_type: str) -> bool:
    """Whether a body of this type is read: JSON, in UTF-8 or without a word about it."""
    media = parse_media(content_type)
    if media is None or (media.type, media.subtype) != ("application", "json"):
        return False
    return (media.parameter("charset") or "utf-8").lower() in ("utf-8", "utf8")


@functools.lru_cache(maxsize=256)
def negotiate(accept: str) -> Media | None:
    """The form of the answer; None where the client accepts neither.

    The higher quality wins; between equals the one named more exactly, then the GraphQL type. Without a wish it is
    `application/json`, as clients from before that type expect.
    """
    if not accept.strip():
        return JSON
    ranges = ranges_of(accept)
    best: tuple[float, int, int] = (0.0, 0, 0)
    chosen: Media | None = None
    for preference, media in enumerate(reversed(_OFFERED)):
        quality, exactness = wanted(media, ranges)
        if quality > 0 and (quality, exactness, preference if exactness == 2 else -preference) > best:
            best, chosen = (quality, exactness, preference if exactness == 2 else -preference), media
    return chosen


def wants_page(accept: str) -> bool:
    """Whether this is a browser: it asks for HTML by name."""
    wish = ("text", "html")
    return any((media.type, media.subtype) == wish and quality > 0 for media, quality in ranges_of(accept))


def ranges_of(accept: str) -> list[tuple[MediaRange, float]]:
    """The ranges of an Accept header with their qualities; what cannot be read is left out."""
    return [parsed for text in _ELEMENT.findall(accept) if (parsed := _ranged(text)) is not None]


def _ranged(text: str) -> tuple[MediaRange, float] | None:
    media = parse_media(text)
    if media is None:
        return None
    quality = media.parameter("q") or "1"
    if _QUALITY.fullmatch(quality) is None or (media.parameter("charset") or "utf-8").lower() not in ("utf-8", "utf8"):
        return None
    return media, float(quality)


def wanted(offer: str, ranges: list[tuple[MediaRange, float]]) -> tuple[float, int]:
    """An offer's quality by the range that names it most exactly, and how exactly: 2 by name, 1 by type, 0 ``*/*``."""
    kind, _, subtype = offer.partition("/")
    found = (0.0, -1)
    for media, quality in ranges:
        if media.type == "*":
            exactness = 0 if media.subtype == "*" else -1
        elif media.type == kind:
            exactness = 2 if media.subtype == subtype else 1 if media.subtype == "*" else -1
        else:
            exactness = -1
        if exactness > found[1]:
            found = (quality, exactness)
    return found

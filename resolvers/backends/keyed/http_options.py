"""What a source that is asked over HTTP says of itself: its URL, and options that all such kinds share.

    url                 http(s)://host[:port][/prefix], without credentials, query or fragment
    bearer              a token, sent as `Authorization: Bearer ..`
    headers             more headers, by name
    ca_file             certificates (PEM) that are trusted in place of the system's
    connections         most connections, and so calls, at once
    connect_timeout     seconds until a host that does not answer is taken to be down
    keep_alive          seconds that an idle connection is kept; servers close theirs after five as a rule
    max_answer_bytes    most bytes of one answer
    batch               most keys of one call, where the product does not say

Raises ValueError with a sentence that holds no value of an option, since it may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from resolvers.backends.keyed.options import known, mapping, seconds, whole
from schema.catalog import Source

SHARED = frozenset(
    {"bearer", "headers", "ca_file", "connections", "connect_timeout", "keep_alive", "max_answer_bytes", "batch"}
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_OURS = frozenset(
    {"host", "content-length", "content-type", "content-encoding", "transfer-encoding", "accept-encoding", "connection"}
)


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Options as read. ``url`` does not end in a slash; ``headers`` hold the bearer token too."""

    url: str
    headers: Mapping[str, str]
    ca_file: Path | None
    connections: int
    connect_timeout: float
    keep_alive: float
    max_answer_bytes: int
    batch: int

    @classmethod
    def read(cls, source: Source, url: str, project: Path, own: Iterable[str], batch: int) -> HttpOptions:
        """The options of a source whose kind has options of its ``own`` besides, and a default ``batch``."""
        known(source.options, SHARED | frozenset(own), f"a source of kind {source.kind}")
        options = source.options
        file = options.get("ca_file")
        if file is not None and not isinstance(file, str):
            raise ValueError("option 'ca_file' is a path")
        return cls(
            url=_url(url),
            headers=_headers(options),
            ca_file=None if file is None else project / file,
            connections=whole(options, "connections", 16, 1024),
            connect_timeout=seconds(options, "connect_timeout", 3.0),
            keep_alive=seconds(options, "keep_alive", 4.0),
            max_answer_bytes=whole(options, "max_answer_bytes", 64 * 1024 * 1024, 1024**3),
            batch=whole(options, "batch", batch, 100_000),
        )


def _url(url: str) -> str:
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        fit = None
    if not fit or parts.query or parts.fragment or any(char.isspace() for char in url):
        raise ValueError("its URL is like https://host:8080 or https://host/prefix, without query")
    if "@" in parts.netloc:
        raise ValueError("its URL holds no credentials; options 'bearer' and 'headers' are for them")
    return url.rstrip("/")


def _headers(options: Mapping[str, object]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, value in mapping(options, "headers").items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name) or name.lower() in _OURS:
            raise ValueError("option 'headers' has a name that is none of a header, or that is set by the gateway")
        found[name] = _sent(value, "headers")
    bearer = options.get("bearer")
    if bearer is not None:
        if any(name.lower() == "authorization" for name in found):
            raise ValueError("options 'bearer' and 'headers' both set Authorization")
        found["Authorization"] = f"Bearer {_sent(bearer, 'bearer')}"
    return found


def _sent(value: object, name: str) -> str:
    if not isinstance(value, str) or not value or not _VALUE.fullmatch(value):
        raise ValueError(f"option '{name}' has a value that cannot stand in a header")
    return value

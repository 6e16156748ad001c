"""Via: what a trusted peer says of a request: by whom it was made, to which address, and how long it may take.

Of the two ways to say it one is believed, which the settings name: a gateway that writes ``Forwarded`` passes on an
``X-Forwarded-For`` that its client invented, and the reverse. Nothing is read before somebody asks for it, but for the
time. What is not well formed counts as not said.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Literal

from app.edge.peers import Peers

Family = Literal["x-forwarded", "forwarded"]
RawHeaders = list[tuple[bytes, bytes]]

_LONGEST = 4096
_PAIR = re.compile(r'\s*([A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";,]+))\s*(;|,|$)')
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})(?::\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?")
PREFIX = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}){1,8}")
_MILLISECONDS = re.compile(r"[0-9]{1,9}")
_GRPC = re.compile(r"([0-9]{1,8})([HMSmun])")
_UNITS: Mapping[str, float] = {"H": 3600.0, "M": 60.0, "S": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}
_TIMES = frozenset({b"x-envoy-expected-rq-timeout-ms", b"x-request-timeout-ms", b"grpc-timeout"})
_MARGIN, _LEAST_MARGIN, _MOST_MARGIN = 0.05, 0.02, 0.25


class Via:
    """A request's way, as its trusted ``peer`` tells it."""

    __slots__ = ("_family", "_headers", "_peer", "_peers", "seconds")

    def __init__(self, headers: RawHeaders, peer: str, peers: Peers, family: Family) -> None:
        self._headers, self._peer, self._peers, self._family = headers, peer, peers, family
        self.seconds = _seconds(headers)
        """How long the answer may take, a little less than the peer waits for it; None: it does not say."""

    def client(self) -> str:
        """The address that asked: the last on the way that is not itself a trusted peer."""
        hops = self._hops()
        found = self._peer
        for hop in reversed(hops):
            address = _address(hop)
            if address is None:
                break  # hidden, or nothing we can judge: whoever wrote it is as far as we can see
            found = address
            if not self._peers.trusts(address):
                break
        return found

    def scheme(self) -> str | None:
        """http or https, as the client used it."""
        said = self._last("proto") if self._family == "forwarded" else self._last_of(b"x-forwarded-proto")
        return said.lower() if said is not None and said.lower() in ("http", "https") else None

    def host(self) -> str | None:
        """The host, with its port, that the client asked."""
        said = self._last("host") if self._family == "forwarded" else self._last_of(b"x-forwarded-host")
        return said if said is not None and _HOST.fullmatch(said) else None

    def prefix(self, path: str) -> str:
        """What stood before ``path`` in the address that the client asked; '' for nothing."""
        parts = [part.strip().rstrip("/") for part in self._text(b"x-forwarded-prefix").split(",")]
        found = "".join(parts)
        if not found:
            original = self._text(b"x-envoy-original-path").partition("?")[0]
            found = original.removesuffix(path) if path and original.endswith(path) else ""
        return found if PREFIX.fullmatch(found) else ""

    def _text(self, name: bytes) -> str:
        """A header's values, joined by commas; '' where there is none, or too much."""
        values = [value for key, value in self._headers if key == name]
        text = b",".join(values).decode("latin-1")
        return text if len(text) <= _LONGEST else ""

    def _last_of(self, name: bytes) -> str | None:
        """What our own peer wrote: the last of the values."""
        return self._text(name).rpartition(",")[2].strip() or None

    def _hops(self) -> list[str]:
        if self._family == "x-forwarded":
            text = self._text(b"x-forwarded-for")
            return [part.strip() for part in text.split(",")] if text else []
        return [element.get("for", "") for element in _elements(self._text(b"forwarded"))]

    def _last(self, name: str) -> str | None:
        elements = _elements(self._text(b"forwarded"))
        return elements[-1].get(name) if elements else None


def _elements(text: str) -> list[dict[str, str]]:
    """The elements of a Forwarded header (RFC 7239 section 4); none where any of it cannot be read."""
    elements: list[dict[str, str]] = [{}]
    at = 0
    while at < len(text):
        pair = _PAIR.match(text, at)
        if pair is None:
            return []
        value = pair[3] if pair[2] is None else re.sub(r"\\(.)", r"\1", pair[2])
        if elements[-1].setdefault(pair[1].lower(), value) != value:
            return []
        if pair[4] == ",":
            elements.append({})
        at = pair.end()
    return elements if elements[-1] else elements[:-1]


def _address(hop: str) -> str | None:
    """The address of a hop, without its port."""
    bare = hop[1:].partition("]")[0] if hop.startswith("[") else hop
    if bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return None


def _seconds(headers: RawHeaders) -> float | None:
    said = [_read(name, value) for name, value in headers if name in _TIMES]
    found = min((one for one in said if one), default=None)
    if found is None:
        return None
    return max(0.001, found - min(_MOST_MARGIN, max(_LEAST_MARGIN, found * _MARGIN)))


def _read(name: bytes, value: bytes) -> float | None:
    return _grpc(value) if name == b"grpc-timeout" else _milliseconds(value)


def _milliseconds(value: bytes) -> float | None:
    text = value.decode("latin-1").strip()
    return int(text) / 1000 if _MILLISECONDS.fullmatch(text) else None


def _grpc(value: bytes) -> float | None:
    match = _GRPC.fullmatch(value.decode("latin-1").strip())
    return None if match is None else int(match[1]) * _UNITS[match[2]]

"""Which gateway may say who asks, if any: the setting, and what is passed on of its headers.

A gateway that has verified a caller tells us by a header, and a header can be written by anybody. So the setting names
the header, its format, and the machines that may send it. What they sent is passed on under a name that no request can
have (``:`` cannot stand in one): code that does not come by here cannot read it by accident.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from app.edge.peers import Network, read_networks

RawHeaders = list[tuple[bytes, bytes]]
Format = Literal["alb", "gcp"]

FORWARDED_TOKEN = b"x-forwarded-authorization"
"""Where Google's API Gateway puts the client's own token when it sends one of its own."""
_WORDS = {"alb": {"signer"}, "gcp": {"audience", "caller"}}
_HEADER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SIGNER = re.compile(r"arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:[0-9]{12}:loadbalancer/app/[^/\s]+/[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class GatewayIdentity:
    """``alb``: ``header`` is signed by the load balancer ``signer``. ``gcp``: ``header`` is believed beside an ID token
    of Google for ``audience`` that belongs to the service account ``caller``. ``keys`` replaces the address that keys
    are fetched from."""

    format: Format
    header: bytes
    peers: tuple[Network, ...]
    signer: str = ""
    audience: str = ""
    caller: str = ""
    keys: str | None = None


def read_identity(text: str) -> GatewayIdentity:
    """Read ``format=alb header=x-amzn-oidc-data peers=10.0.0.0/16 signer=arn:..``. Raises ValueError with a reason."""
    words: dict[str, str] = {}
    for part in text.split():
        name, _, value = part.partition("=")
        if not value or name in words:
            raise ValueError(f"{part!r} is no name=value, or stands twice")
        words[name] = value
    format_ = words.pop("format", "")
    if format_ not in _WORDS:
        raise ValueError("format is alb or gcp")
    needed = {"header", "peers"} | _WORDS[format_]
    if missing := sorted(needed - words.keys()):
        raise ValueError(f"format={format_} needs {missing[0]}=")
    if unknown := sorted(words.keys() - needed - {"keys"}):
        raise ValueError(f"format={format_} knows no {unknown[0]}=")
    header = words["header"].lower()
    if not _HEADER.fullmatch(header) or header in ("authorization", FORWARDED_TOKEN.decode()):
        raise ValueError("header is not the name of a header of the gateway's own")
    if format_ == "alb" and not _SIGNER.fullmatch(words["signer"]):
        raise ValueError("signer is not the ARN of an Application Load Balancer")
    if not (peers := read_networks(words["peers"])):
        raise ValueError("peers names no network")
    return GatewayIdentity(
        cast(Format, format_),
        header.encode("ascii"),
        peers,
        words.get("signer", ""),
        words.get("audience", ""),
        words.get("caller", ""),
        words.get("keys"),
    )


def vouch(identity: GatewayIdentity, headers: RawHeaders) -> RawHeaders:
    """What a peer that may say who asks has said, under names of our own."""
    names = (identity.header, FORWARDED_TOKEN) if identity.format == "gcp" else (identity.header,)
    return [(b":" + name, value) for name, value in headers if name in names]


def vouched(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """What `vouch` has passed on."""
    return [(name, value) for name, value in headers if name.startswith(b":")]

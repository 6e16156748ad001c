"""The settings of the edge, read from environment variables with the others (`app.settings`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from app.edge.cors import read_origins
from app.edge.identity import GatewayIdentity, read_identity
from app.edge.peers import Network, read_networks
from app.edge.via import PREFIX, Family

T = TypeVar("T")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")

VARIABLES: Mapping[str, str] = {
    "CUSTOMHOUSE_TRUSTED_PROXIES": "The networks of the gateways in front, in CIDR notation with commas between: what "
    "they say of a request's client, prefix, time, trace and id is believed (default: nobody's).",
    "CUSTOMHOUSE_FORWARDED": "x-forwarded (default) or forwarded: which of the two ways to say it they use.",
    "CUSTOMHOUSE_PREFIX": "A path in front of every address, such as a gateway's stage /prod, that it does not take "
    "off (default: none).",
    "CUSTOMHOUSE_REQUEST_ID_FROM": "Names of headers with a trusted gateway's own request id, such as "
    "apigw-requestid,x-amzn-trace-id,x-kong-request-id (default: none).",
    "CUSTOMHOUSE_GATEWAY_IDENTITY": "A gateway that says who asks: format=alb or format=gcp, peers=, header= and what "
    "that format needs (default: nobody; tokens only).",
    "CUSTOMHOUSE_CORS_ORIGINS": "Origins whose pages may ask from a browser, such as https://app.example, with commas "
    "between (default: none).",
    "CUSTOMHOUSE_COMPRESS_FROM": "The fewest bytes of an answer to GraphQL, of the dictionary, the schema and OpenAPI "
    "that are sent in gzip or zstd, where the client accepts them; 0: never (default 1024).",
    "CUSTOMHOUSE_KEEP_ALIVE": "Seconds that a connection at rest is kept, longer than the gateways in front keep it "
    "(default 75).",
    "CUSTOMHOUSE_MOST_INFLIGHT": "The most requests that one process answers at once; more get 503 (default 1000).",
}


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """``request_id_from`` and ``prefix`` are in lower case and without a last slash."""

    trusted: tuple[Network, ...] = ()
    family: Family = "x-forwarded"
    prefix: str = ""
    request_id_from: tuple[bytes, ...] = ()
    identity: GatewayIdentity | None = None
    origins: frozenset[str] = frozenset()
    compress_from: int = 1024
    keep_alive: int = 75
    most_inflight: int = 1000


def read_edge(environ: Mapping[str, str]) -> EdgeSettings:
    """Read them. Raises ValueError with a sentence that names the variable."""
    family = environ.get("CUSTOMHOUSE_FORWARDED") or "x-forwarded"
    if family not in ("x-forwarded", "forwarded"):
        raise ValueError(f"CUSTOMHOUSE_FORWARDED is 'x-forwarded' or 'forwarded', not {family!r}.")
    prefix = (environ.get("CUSTOMHOUSE_PREFIX") or "").rstrip("/")
    if prefix and not PREFIX.fullmatch(prefix):
        raise ValueError(f"CUSTOMHOUSE_PREFIX is a path such as /prod, not {prefix!r}.")
    said = environ.get("CUSTOMHOUSE_GATEWAY_IDENTITY")
    return EdgeSettings(
        trusted=_read(environ, "CUSTOMHOUSE_TRUSTED_PROXIES", read_networks),
        family=cast(Family, family),
        prefix=prefix,
        request_id_from=_names(environ, "CUSTOMHOUSE_REQUEST_ID_FROM"),
        identity=_read(environ, "CUSTOMHOUSE_GATEWAY_IDENTITY", read_identity) if said else None,
        origins=_read(environ, "CUSTOMHOUSE_CORS_ORIGINS", read_origins),
        compress_from=_whole(environ, "CUSTOMHOUSE_COMPRESS_FROM", 1024, 1_000_000_000, 0),
        keep_alive=_whole(environ, "CUSTOMHOUSE_KEEP_ALIVE", 75, 3600),
        most_inflight=_whole(environ, "CUSTOMHOUSE_MOST_INFLIGHT", 1000, 1_000_000),
    )


def _names(environ: Mapping[str, str], variable: str) -> tuple[bytes, ...]:
    names = [name.strip().lower() for name in (environ.get(variable) or "").split(",") if name.strip()]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{variable} holds names of headers with commas between; {name!r} is none.")
    return tuple(name.encode("ascii") for name in names)


def _read(environ: Mapping[str, str], variable: str, read: Callable[[str], T]) -> T:
    try:
        return read(environ.get(variable) or "")
    except ValueError as error:
        raise ValueError(f"{variable}: {error}.") from None


def _whole(environ: Mapping[str, str], variable: str, default: int, most: int, least: int = 1) -> int:
    text = environ.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise ValueError(f"{variable} is a whole number from {least} to {most}, not {text!r}.")
    return int(text)

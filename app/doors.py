"""Doors: which zones a process serves, and at which address each.

1. The zones that were asked for; else every zone, as long as at most one of them does not say where it listens.
2. A zone alone is served at the address that the process is told (--host, --port), else at its own (`Zone.listen`).
3. Of several, each is served at its own address; what the process is told is for the one that has none.

A door leads to one zone: whoever comes in by it deals with that zone and learns of no other.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.settings import HOST, PORT, Settings, StartError
from app.tokens.fetch import loopback
from schema.zone import Zone

UNSENT = 128 * 1024
"""The most bytes that the system keeps for a connection and has not sent. Left to itself it takes megabytes: memory of
each reader who stalls, and none of us would see whether it reads."""
_NOT_SENT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)


@dataclass(frozen=True, slots=True)
class Door:
    """``restricted`` and ``master_key`` are the zone's when the process began: its keys are made of them once."""

    zone: str
    host: str
    port: int
    restricted: bool = False
    master_key: str | None = None


def doors_of(zones: Mapping[str, Zone], asked: Sequence[str], settings: Settings) -> tuple[Door, ...]:
    """The doors of a process. Raises StartError CH332 or CH335."""
    chosen = [_declared(zones, name) for name in dict.fromkeys(asked)] or _every(zones)
    if len(chosen) > 1:
        _check_addresses(chosen, settings)
    made = tuple(_door(zone, settings, len(chosen) == 1) for zone in chosen)
    taken: dict[tuple[str, int], str] = {}
    for door in made:
        other = taken.setdefault((door.host, door.port), door.zone)
        if door.port and other != door.zone:
            at = f"{door.host}:{door.port}"
            raise StartError(f"CH335 Zones '{other}' and '{door.zone}' would both be served at {at}: give one its own.")
    return made


def refuse_unsafe(settings: Settings, made: Sequence[Door]) -> None:
    """Raise StartError CH330 where development keys would be within reach of others."""
    if not settings.dev_keys:
        return
    if settings.environment == "prod":
        raise StartError("CH330 --dev-keys is refused with CUSTOMHOUSE_ENV=prod.")
    for door in made:
        if not loopback(door.host):
            raise StartError(
                f"CH330 --dev-keys is refused on '{door.host}' (zone '{door.zone}'): whoever reaches the gateway could "
                "be anybody. Listen on 127.0.0.1, or configure a real issuer and leave --dev-keys out."
            )


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises OSError, whose file name is the address."""
    name = "127.0.0.1" if host == "localhost" else host
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    try:
        listener = socket.create_server((name, port), family=family, backlog=2048)
    except OSError as error:
        raise OSError(error.errno, error.strerror, f"{host}:{port}") from None
    if _NOT_SENT is not None:
        listener.setsockopt(socket.IPPROTO_TCP, _NOT_SENT, UNSENT)  # its connections inherit it
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _declared(zones: Mapping[str, Zone], name: str) -> Zone:
    zone = zones.get(name)
    if zone is None:
        raise StartError(f"CH332 The project has no zone '{name}'. It has: {', '.join(sorted(zones))}.")
    return zone


def _every(zones: Mapping[str, Zone]) -> list[Zone]:
    if sum(zone.listen is None for zone in zones.values()) > 1:
        raise StartError(f"CH332 Say which zone to serve: --zone {' | '.join(sorted(zones))}.")
    return list(zones.values())


def _check_addresses(chosen: Sequence[Zone], settings: Settings) -> None:
    """Of several zones, one at most may be without an address, and a port that was told must be somebody's."""
    without = [f"'{zone.name}'" for zone in chosen if zone.listen is None]
    if len(without) > 1:
        raise StartError(
            f"CH335 Zones {' and '.join(without)} do not say where they listen, and one address is for one zone. "
            "Declare `listen:` in customhouse.yaml, or serve each by a process of its own."
        )
    if settings.port is not None and not without:
        names = ", ".join(f"'{zone.name}'" for zone in chosen)
        raise StartError(
            f"CH335 Port {settings.port} is for none of the zones {names}: each has its own. Leave --port and PORT out."
        )


def _door(zone: Zone, settings: Settings, alone: bool) -> Door:
    own, host, port = zone.listen, settings.host, settings.port
    if own is not None:
        host = own.host if own.host is not None and not (alone and host is not None) else host
        port = port if alone and port is not None else own.port
    return Door(
        zone.name,
        HOST if host is None else host,
        PORT if port is None else port,
        zone.restricted,
        zone.master_key,
    )

"""Peers: which machines are believed when they speak for others.

A peer is whoever opened the connection, as the operating system says. Everything else a request says of its way here
is text that anybody can write.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_REMEMBERED = 4096


class Peers:
    """The members of some networks."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._networks = tuple(networks)
        self._known: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._networks)

    def trusts(self, host: str) -> bool:
        """Whether an address, as text, is one of theirs. What is no address (a socket's path) is not."""
        known = self._known.get(host)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[host] = self._within(host)
        return known

    def _within(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def read_networks(text: str) -> tuple[Network, ...]:
    """Networks in CIDR notation, or single addresses, with commas between. Raises ValueError for a text that is none,
    and for one that would believe everybody."""
    networks = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            network = ipaddress.ip_network(part)
        except ValueError:
            raise ValueError(f"{part!r} is no network in CIDR notation, such as 10.0.0.0/8") from None
        if network.prefixlen == 0:
            raise ValueError(f"{part!r} is everybody: name the networks of your gateways")
        networks.append(network)
    return tuple(networks)

"""Which reverse proxies stand before the web server and may say who the client is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Self

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Either a number of proxies, one behind the other, or the addresses that they come from."""

    count: int = 0
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """`2`, or `10.0.0.5, 192.168.7.0/24`. Raises ValueError."""
        if text.strip().isascii() and text.strip().isdigit():
            return cls(count=int(text))
        return cls(networks=tuple(ip_network(part.strip()) for part in text.split(",")))

    def hops(self, peer: str, forwarded_for: Sequence[str]) -> int:
        """How many entries at the end of X-Forwarded-For were written by trusted proxies.

        `peer` is the address that the connection comes from, `forwarded_for` the header's entries.
        """
        if not self.networks:
            return self.count
        hops = 0
        for address in (peer, *reversed(forwarded_for)):
            if not self._is_trusted(address):
                break
            hops += 1
        return min(hops, len(forwarded_for))

    def _is_trusted(self, address: str) -> bool:
        try:
            known = ip_address(address.strip())
        except ValueError:
            return False
        return any(known in network for network in self.networks)

"""Where a webhook may lead: to public addresses over HTTPS, and to networks that the installation names.

A name is resolved once, each address is checked, and the connection goes to the very address that was
checked: a name that points elsewhere a moment later (DNS rebinding) leads nowhere.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias
from urllib.parse import urlsplit

from app.errors import AppError
from app.proxies import Network

Address: TypeAlias = IPv4Address | IPv6Address
#: Every address of a host name, or OSError.
Resolve: TypeAlias = Callable[[str, int], Sequence[Address]]

_PORTS = {"https": 443, "http": 80}
#: Addresses of NAT64 (RFC 6052) carry an IPv4 address in their last 32 bits.
_NAT64 = IPv6Network("64:ff9b::/96")


class DestinationRefused(AppError):
    """The platform does not send there; `code` says why."""

    code = "destination_refused"

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Destination:
    """A webhook's address in its parts; `target` is path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def read_destination(url: str, allowed: Sequence[Network]) -> Destination:
    """An address as somebody typed it. Raises DestinationRefused unless it is one that may be sent to.

    What a name resolves to is not asked here.
    """
    if not url.isascii() or not url.isprintable() or any(c in url for c in ' "<>\\^`{|}'):
        raise DestinationRefused("no address of the web", code="webhook_address")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise DestinationRefused("no address of the web", code="webhook_address") from error
    if parts.scheme not in _PORTS or not parts.hostname or parts.fragment or port == 0:
        raise DestinationRefused("no address of the web", code="webhook_address")
    if parts.username is not None or parts.password is not None:
        raise DestinationRefused("an address with a password is shown to everybody", code="webhook_user")
    host = parts.hostname
    literal = _literal(host)
    if literal is not None and not is_permitted(literal, allowed):
        raise DestinationRefused(f"{host} is no public address", code="webhook_private")
    if parts.scheme == "http" and not (literal is not None and literal.is_loopback):
        raise DestinationRefused("only HTTPS keeps it from being read on its way", code="webhook_https")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(parts.scheme, host, port or _PORTS[parts.scheme], target)


def permitted_addresses(destination: Destination, allowed: Sequence[Network], resolve: Resolve) -> Sequence[Address]:
    """The addresses of the host that may be connected to. Raises DestinationRefused when there is none."""
    literal = _literal(destination.host)
    try:
        found = [literal] if literal is not None else resolve(destination.host, destination.port)
    except (OSError, UnicodeError) as error:
        raise DestinationRefused(f"{destination.host} has no address", code="webhook_unresolved") from error
    permitted = [address for address in found if is_permitted(address, allowed)]
    if not permitted:
        raise DestinationRefused(f"{destination.host} leads to no public address", code="webhook_private")
    return permitted


def is_permitted(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether an address is public, or in a network that the installation names.

    An IPv6 address that stands for an IPv4 one (mapped, 6to4, NAT64) counts as that one.
    """
    inner = _inner(address)
    if inner is not None:
        return is_permitted(inner, allowed)
    if any(address in network for network in allowed):
        return True
    return address.is_global and not address.is_multicast and not address.is_reserved


def resolve_by_system(host: str, port: int) -> Sequence[Address]:
    """Every address that this machine's resolver knows of the host. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found))


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _inner(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour

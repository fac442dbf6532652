"""The network address a request came from, as far as it can be believed. Pure: it reads no request by itself.

Anybody can write anything into X-Forwarded-For. What counts is the part that our own proxies wrote: from the
right, past every proxy that is trusted, the first address that is not one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from memory.errors import SettingsError

__all__ = ["address_of", "counted_as", "trusted_networks"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
THIS_MACHINE = "127.0.0.1"
# One household or one machine has a whole /64 of addresses to itself.
IPV6_PREFIX = 64


def trusted_networks(written: str | None) -> tuple[Network, ...]:
    """The proxies to believe, from addresses and networks with commas between."""
    names = [name.strip() for name in (written or "").split(",") if name.strip()]
    try:
        return tuple(ip_network(name, strict=False) for name in names)
    except ValueError as error:
        raise SettingsError(
            "TRUSTED_PROXIES is a list of addresses or networks with commas between, such as 10.0.0.0/8."
        ) from error


def address_of(forwarded: Iterable[str], peer: str | None, trusted: Iterable[Network]) -> str | None:
    """Who is asking: `forwarded` is every X-Forwarded-For line in order, `peer` the other end of the connection.

    None where no proxy is trusted: then everybody may seem to come from one proxy's address, and counting by
    it would shut out all for what one did. A peer of None is this machine: so Streamlit tells it.
    """
    networks = tuple(trusted)
    believed = _address(peer or THIS_MACHINE)
    if not networks or believed is None:
        return None
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    while hops and _is_one_of(believed, networks):
        before = _address(hops.pop())
        if before is None:
            break
        believed = before
    return str(believed)


def counted_as(address: str) -> str:
    """The address, or for IPv6 the network that one subscriber has."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, IPV6_PREFIX), strict=False))
    return str(found or address)


def _is_one_of(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _address(written: str) -> Address | None:
    """An address however it is written: with a port, in brackets, with a zone, as IPv4 inside IPv6."""
    text = written.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found

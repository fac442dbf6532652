"""The network address that a request came from, if it is known for certain. Pure functions: they read no request.

Anybody can write anything into X-Forwarded-For; only what our own proxies add is reliable. So the lines are read from
the right, past every trusted proxy, up to the first address that is not one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from memory.errors import SettingsError

__all__ = ["address_of", "counted_as", "trusted_networks"]

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
THIS_MACHINE = "127.0.0.1"
# One household or one machine has a whole /64 network of addresses.
IPV6_PREFIX = 64


def trusted_networks(written: str | None) -> tuple[Network, ...]:
    """Parse the trusted proxies: addresses and networks, separated by commas."""
    names = [name.strip() for name in (written or "").split(",") if name.strip()]
    try:
        return tuple(ip_network(name, strict=False) for name in names)
    except ValueError as error:
        raise SettingsError(
            "TRUSTED_PROXIES is a list of addresses or networks, separated by commas, such as 10.0.0.0/8."
        ) from error


def address_of(forwarded: Iterable[str], peer: str | None, trusted: Iterable[Network]) -> str | None:
    """Return where a request came from. `forwarded` are its X-Forwarded-For lines, `peer` is who connected.

    The address is None if no proxy is trusted: everybody may then seem to come from the address of one proxy, and
    counting by it would refuse all for what one person did. Streamlit gives a peer of None for this machine.
    """
    networks = tuple(trusted)
    address = _address(peer or THIS_MACHINE)
    if not networks or address is None:
        return None
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    while hops and _is_one_of(address, networks):
        before = _address(hops.pop())
        if before is None:
            break
        address = before
    return str(address)


def counted_as(address: str) -> str:
    """Return what attempts are counted by: the address, or for IPv6 the network of one subscriber."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, IPV6_PREFIX), strict=False))
    return str(found or address)


def _is_one_of(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _address(written: str) -> Address | None:
    """Parse an address: also with a port, in brackets, with a zone, or an IPv4 address inside IPv6."""
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

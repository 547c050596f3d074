"""Which addresses a call on somebody else's behalf may reach: the public internet, and what the operator has named.

A name is resolved once, and the call goes to the very address that was looked at: what the name becomes later is of no
account.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From the name of a host and a port to the addresses that it has."""

RESOLVE_SECONDS: Final = 5.0

NOT_PUBLIC: Final[Sequence[Network]] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",  # metadata of a cloud, under an address of the public internet
        "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
        "2001::/23", "2001:db8::/32", "3fff::/20",
    )
)  # fmt: skip
"""What is refused besides what Python knows to be no part of the public internet."""

PUBLIC_IPV6: Final = IPv6Network("2000::/3")
"""All that is routed in the public internet; elsewhere lie translations of IPv4, overlays, and what comes later."""

_WITHIN: Final[Sequence[tuple[IPv6Network, int]]] = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("::/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)
"""Networks of IPv6 that lead to an address of IPv4, and how far from the end that stands."""


class AddressRefused(Exception):
    """A host that is not to be called from here."""


class NameUnknown(Exception):
    """A host whose name leads nowhere, or not in time."""


def is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether an address may be called; `networks` are those inside the house that may be."""
    if isinstance(address, IPv6Address):
        for network, behind in _WITHIN:
            if address in network and int(address) > 1:
                return is_allowed(IPv4Address((int(address) >> behind) & 0xFFFFFFFF), networks)
    if any(address in network for network in networks if network.version == address.version):
        return True
    refused = address.is_multicast or not address.is_global
    if isinstance(address, IPv6Address):
        refused = refused or address not in PUBLIC_IPV6
    return not refused and not any(address in one for one in NOT_PUBLIC if one.version == address.version)


async def address_of(host: str, port: int, networks: Sequence[Network], resolve: Resolve) -> str:
    """The address to call for a host. Raises NameUnknown, AddressRefused if any that it has may not be called."""
    try:
        async with asyncio.timeout(RESOLVE_SECONDS):
            found = await resolve(host, port)
        addresses = [ipaddress.ip_address(each.partition("%")[0]) for each in found]
    except (OSError, UnicodeError, ValueError, TimeoutError) as error:
        raise NameUnknown(f"The name {host} leads nowhere.") from error
    if not addresses:
        raise NameUnknown(f"The name {host} leads nowhere.")
    if not all(is_allowed(address, networks) for address in addresses):
        raise AddressRefused(f"{host} is not on the public internet, and in no network that may be called.")
    return str(addresses[0])


async def resolve(host: str, port: int) -> Sequence[str]:
    """What the resolver of this machine says."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]

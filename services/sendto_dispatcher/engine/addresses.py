"""Which addresses a provider may have that must not lie in a private network: what a name leads to is looked at (SSRF).

Loopback is allowed where the configuration names it as such (`localhost`, `127.0.0.1`, `::1`).
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence

from sendto.sdk import NotSent

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""All addresses of a host, as text. Raises OSError where there are none."""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_IETF = ipaddress.IPv4Network("192.0.0.0/24")
"""for protocols, not for services; older Pythons take most of it for global"""
_NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


async def resolve(host: str, port: int) -> Sequence[str]:
    """All addresses of a host, as this machine resolves it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


async def public_address(host: str, port: int, resolve: Resolve = resolve) -> str:
    """An address of this host that is reachable from everywhere.

    Raises:
        NotSent: there is none, or the host also has an address of a private network.
    """
    try:
        addresses = await resolve(host, port)
    except OSError as error:
        raise NotSent("name_not_resolved") from error
    if not addresses:
        raise NotSent("name_not_resolved")
    if not all(is_public(address) or _named_loopback(host, address) for address in addresses):
        raise NotSent("private_address")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address, and every address that it embeds or is translated to, is reachable from everywhere."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # an interface is named in it, which only a local address needs
        return False
    return all(one.is_global and not one.is_multicast and one not in _IETF for one in _reached(parsed))


def _reached(address: _Address) -> Iterator[_Address]:
    """Where a packet to this address may end up."""
    if isinstance(address, ipaddress.IPv4Address):
        yield address
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
        return
    yield address
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if any(address in network for network in _NAT64):
        yield ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)


def _named_loopback(host: str, address: str) -> bool:
    return host in _LOOPBACK_NAMES and ipaddress.ip_address(address).is_loopback

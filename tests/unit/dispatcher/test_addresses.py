"""Addresses that a webhook may have, and the many ways to write one that it may not."""

from collections.abc import Sequence

import pytest

from sendto.sdk import NotSent
from sendto_dispatcher.engine.addresses import is_public, public_address

PRIVATE = {
    "this host": "0.0.0.0",  # noqa: S104 - looked at, not listened on
    "this network": "0.1.2.3",
    "ten": "10.0.0.1",
    "carrier grade NAT": "100.64.0.1",
    "loopback": "127.0.0.1",
    "another loopback": "127.8.8.8",
    "link local": "169.254.0.1",
    "cloud metadata": "169.254.169.254",
    "seventeen two": "172.16.0.1",
    "IETF": "192.0.0.8",
    "documentation": "192.0.2.1",
    "one nine two": "192.168.1.1",
    "benchmark": "198.18.0.1",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 unspecified": "::",
    "IPv6 loopback": "::1",
    "IPv6 mapped ten": "::ffff:10.0.0.1",
    "IPv6 mapped loopback": "::ffff:7f00:1",
    "IPv6 mapped metadata": "::ffff:169.254.169.254",
    "NAT64 of ten": "64:ff9b::a00:1",
    "local NAT64": "64:ff9b:1::a00:1",
    "6to4 of ten": "2002:a00:1::1",
    "Teredo": "2001:0:a00:1::1",
    "unique local": "fd00::1",
    "cloud metadata IPv6": "fd00:ec2::254",
    "IPv6 link local": "fe80::1",
    "IPv6 link local with an interface": "fe80::1%eth0",
    "IPv6 multicast": "ff02::1",
    "IPv6 documentation": "2001:db8::1",
    "no address": "localhost",
}
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]


@pytest.mark.parametrize("kind", PRIVATE)
def test_a_private_address_is_known_however_it_is_written(kind: str) -> None:
    assert not is_public(PRIVATE[kind])


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_public(address)


async def _found(host: str, *addresses: str) -> str:
    async def resolve(_: str, __: int) -> Sequence[str]:
        return addresses

    return await public_address(host, 443, resolve)


async def test_a_name_with_public_addresses_only_is_allowed() -> None:
    assert await _found("shop.example", "1.1.1.1", "2606:4700:4700::1111") == "1.1.1.1"


@pytest.mark.parametrize("address", PRIVATE.values())
async def test_a_name_that_leads_anywhere_private_is_not(address: str) -> None:
    for addresses in ([address], ["1.1.1.1", address]):
        with pytest.raises(NotSent) as refused:
            await _found("shop.example", *addresses)
        assert refused.value.code == "private_address"


async def test_loopback_is_allowed_where_it_is_named_only() -> None:
    assert await _found("localhost", "127.0.0.1", "::1") == "127.0.0.1"
    with pytest.raises(NotSent):
        await _found("localhost.shop.example", "127.0.0.1")
    with pytest.raises(NotSent):
        await _found("localhost", "127.0.0.1", "10.0.0.1")


async def test_a_name_without_addresses_is_told() -> None:
    async def unknown(_: str, __: int) -> Sequence[str]:
        raise OSError

    with pytest.raises(NotSent) as refused:
        await public_address("nowhere.example", 443, unknown)
    assert refused.value.code == "name_not_resolved"
    with pytest.raises(NotSent) as refused:
        await _found("nowhere.example")
    assert refused.value.code == "name_not_resolved"

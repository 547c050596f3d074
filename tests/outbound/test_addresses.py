"""Which addresses a call for somebody else may reach, and by which address it is made."""

from collections.abc import Sequence
from ipaddress import ip_address, ip_network

import pytest

from mla_tracker.outbound.addresses import AddressRefused, NameUnknown, address_of, is_allowed
from mla_tracker.outbound.webhooks import Reach, fault_of_url

PUBLIC = (
    "93.184.215.14",
    "8.8.8.8",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
)
INSIDE = (
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.3.4", "192.168.1.1", "100.64.0.1", "169.254.169.254",
    "168.63.129.16", "100.100.100.200", "192.0.0.192", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "192.0.2.1", "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1",
    "2001:db8::1", "100::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "::ffff:0:7f00:1", "64:ff9b:1:7f00:1:0:808:808", "200::1", "100:0:0:1::1",
    "4000::1", "fe00::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_on_the_public_internet_may_be_called(address: str) -> None:
    assert is_allowed(ip_address(address), ())


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_inside_or_nowhere_may_not_however_it_is_written(address: str) -> None:
    assert not is_allowed(ip_address(address), ())


def test_a_network_that_the_operator_named_may_be_called_and_no_other() -> None:
    networks = (ip_network("10.20.0.0/16"), ip_network("fd00:1::/64"))
    for address, allowed in (
        ("10.20.3.4", True), ("10.21.3.4", False), ("fd00:1::7", True), ("fd00:2::7", False),
        ("::ffff:10.20.3.4", True), ("::ffff:10.21.3.4", False), ("127.0.0.1", False),
    ):  # fmt: skip
        assert is_allowed(ip_address(address), networks) is allowed, address


async def test_a_name_of_which_one_address_is_inside_is_not_called_at_all() -> None:
    async def both(host: str, port: int) -> Sequence[str]:
        return ["93.184.215.14", "10.0.0.1"]

    with pytest.raises(AddressRefused):
        await address_of("hooks.example.org", 443, (), both)


async def test_a_scope_does_not_hide_that_an_address_is_of_the_link() -> None:
    async def scoped(host: str, port: int) -> Sequence[str]:
        return ["fe80::1%eth0"]

    with pytest.raises(AddressRefused):
        await address_of("hooks.example.org", 443, (), scoped)


@pytest.mark.parametrize("found", [[], ["no address"]])
async def test_a_name_that_leads_nowhere_is_told_from_one_that_is_refused(found: list[str]) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return found

    with pytest.raises(NameUnknown):
        await address_of("hooks.example.org", 443, (), resolve)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org/", "ftp://hooks.example.org/", "https://", "https:///x", "https://user@hooks.example.org/",
        "https://user:word@hooks.example.org/", "https://hooks.example.org/#part", "https://hooks.example.org:0/",
        "https://hooks.example.org:99999/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data", "https://hooks.example.org/ x", "https://hooks.example.org\\@evil/",
        "https://hooks.example.org/\n", "javascript:alert(1)", "https://[::1", "https://exämple.org/", "https://10.0.0.1./",
        f"https://{'a.' * 150}example.org/",
    ],
)  # fmt: skip
def test_addresses_that_can_be_told_to_be_wrong_are_refused_at_once(url: str) -> None:
    assert fault_of_url(url, Reach()) is not None or url == "https://10.0.0.1./"


def test_http_is_called_where_the_operator_said_so() -> None:
    assert fault_of_url("http://hooks.example.org/", Reach(http=True)) is None
    assert fault_of_url("https://hooks.example.org:8443/a?b=c", Reach()) is None
    assert fault_of_url("https://xn--bcher-kva.example/", Reach()) is None
    assert fault_of_url("https://10.1.2.3/", Reach.of(["10.0.0.0/8"], http=False)) is None

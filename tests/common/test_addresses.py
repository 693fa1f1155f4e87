"""Which addresses are on the public internet, in every notation that an address has."""

import ipaddress
from typing import Any

import pytest

from authproxy_common.addresses import is_loopback, is_public, network_of

PUBLIC = "1.1.1.1 8.8.8.8 172.15.255.255 172.32.0.0 100.63.255.255 100.128.0.0 192.0.1.1 2606:4700::1111 2a00:1450::1"
PUBLIC += " 64:ff9b::808:808 ::ffff:8.8.8.8"

INSIDE: list[Any] = [
    pytest.param("127.0.0.1", id="loopback"),
    pytest.param("127.255.255.254", id="the end of loopback"),
    pytest.param("0.0.0.0", id="unspecified"),
    pytest.param("0.1.2.3", id="this network"),
    pytest.param("10.0.0.1", id="private, class A"),
    pytest.param("172.16.0.1", id="private, class B"),
    pytest.param("172.31.255.255", id="the end of private, class B"),
    pytest.param("192.168.1.1", id="private, class C"),
    pytest.param("100.64.0.1", id="carrier-grade NAT"),
    pytest.param("100.100.100.200", id="metadata of a cloud within it"),
    pytest.param("169.254.169.254", id="cloud metadata, link-local"),
    pytest.param("168.63.129.16", id="cloud metadata that looks public"),
    pytest.param("192.0.0.192", id="cloud metadata in a protocol range"),
    pytest.param("192.0.2.1", id="documentation"),
    pytest.param("198.18.0.1", id="benchmarks"),
    pytest.param("224.0.0.1", id="multicast"),
    pytest.param("239.255.255.255", id="the end of multicast"),
    pytest.param("240.0.0.1", id="reserved"),
    pytest.param("255.255.255.255", id="broadcast"),
    pytest.param("::1", id="IPv6 loopback"),
    pytest.param("::", id="IPv6 unspecified"),
    pytest.param("::127.0.0.1", id="IPv4-compatible"),
    pytest.param("::ffff:127.0.0.1", id="IPv4-mapped loopback"),
    pytest.param("::ffff:169.254.169.254", id="IPv4-mapped metadata"),
    pytest.param("::ffff:a00:1", id="IPv4-mapped private, in hex"),
    pytest.param("64:ff9b::7f00:1", id="NAT64 of loopback"),
    pytest.param("64:ff9b::a9fe:a9fe", id="NAT64 of metadata"),
    pytest.param("64:ff9b:1::1", id="local NAT64"),
    pytest.param("2002:7f00:1::1", id="6to4 of loopback"),
    pytest.param("2002:808:808::1", id="6to4 of anything"),
    pytest.param("2001:0:808:808::1", id="Teredo"),
    pytest.param("2001:db8::1", id="IPv6 documentation"),
    pytest.param("3fff::1", id="IPv6 documentation, the later one"),
    pytest.param("fc00::1", id="unique local"),
    pytest.param("fd00:ec2::254", id="cloud metadata, unique local"),
    pytest.param("fe80::1", id="IPv6 link-local"),
    pytest.param("fe80::1%eth0", id="IPv6 link-local with a zone"),
    pytest.param("fec0::1", id="site-local"),
    pytest.param("ff02::1", id="IPv6 multicast"),
    pytest.param("100::1", id="discard"),
]


@pytest.mark.requirement("CL-02")
@pytest.mark.parametrize("address", PUBLIC.split())
def test_what_is_on_the_internet_may_be_asked(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.requirement("CL-02")
@pytest.mark.parametrize("address", INSIDE)
def test_what_is_inside_may_not(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.requirement("CL-02")
@pytest.mark.parametrize(
    ("address", "is_one"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False)],
)
def test_loopback_is_this_machine_in_either_notation(address: str, is_one: bool) -> None:
    assert is_loopback(ipaddress.ip_address(address)) is is_one


@pytest.mark.requirement("OP-09")
@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("a socket file", "a socket file"),
    ],
)
def test_a_subscriber_of_ipv6_counts_as_one(address: str, network: str) -> None:
    assert network_of(address) == network

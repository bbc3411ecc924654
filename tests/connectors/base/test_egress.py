"""The egress guard against a corpus of tricky hosts; no name is looked up outside."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import pytest

from connectors.base.egress import EgressGuard, parse_target, system_resolver
from inventory_sync.domain.errors import Misconfigured, RemoteUnavailable

PUBLIC = "93.184.215.14"

PRIVATE_ADDRESSES = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1",
    "fec0::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:c0a8:101::1", "100::1",
    "2001:0:53aa:64c:0:fbff:80ff:fffe", "not an address", "",
]  # fmt: skip
PUBLIC_ADDRESSES = [PUBLIC, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"]

TRICKY_URLS = [
    "http://shop.example.com", "ftp://shop.example.com", "shop.example.com", "//shop.example.com", "https://",
    "https:///wp-json", "https://user@shop.example.com", "https://user:pass@shop.example.com",
    "https://shop.example.com@127.0.0.1", "https://shop.example.com\\@evil.example", "https://shop.example.com/?a=b",
    "https://shop.example.com/#x", "https://shop.example.com:99999", "https://shop.example.com:0",
    "https://shop.example.com:port", "https://sh op.example.com", "https://shop.example.com\r\nHost: x",
    "https://①②⑦.0.0.1", "https://127。0。0。1", "https://xn--\u00fc.example", "https://[::1",
    "https://[fe80::1%25eth0]",
    "https://%31%32%37.0.0.1", "https://-", "https://.", "https://..", "https://shop.example.com;x",
    "javascript:alert(1)",
    "https://a" + "a" * 260, "file:///etc/passwd", "gopher://127.0.0.1",
]  # fmt: skip


def answering(*addresses: str) -> EgressGuard:
    return EgressGuard(resolver=lambda host, port: addresses)


@pytest.mark.parametrize("url", TRICKY_URLS)
def test_a_tricky_base_url_is_refused_before_anything_is_looked_up(url: str) -> None:
    with pytest.raises(Misconfigured):
        parse_target(url, allow_insecure=False)


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    target = parse_target("https://shop.example.com", allow_insecure=False)

    with pytest.raises(Misconfigured, match="not a public address"):
        answering(address).addresses(target)


@pytest.mark.parametrize("address", PUBLIC_ADDRESSES)
def test_a_public_address_is_allowed(address: str) -> None:
    target = parse_target("https://shop.example.com", allow_insecure=False)

    assert answering(address).addresses(target) == [address]


def test_one_private_address_among_public_ones_spoils_the_name() -> None:
    target = parse_target("https://shop.example.com", allow_insecure=False)

    with pytest.raises(Misconfigured):
        answering(PUBLIC, "10.0.0.1").addresses(target)


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.1", "0x7f000001", "017700000001", "0", "127.0.0.1."]
)
def test_the_systems_own_spellings_of_loopback_are_seen_through(host: str) -> None:
    def numeric(name: str, port: int) -> Sequence[str]:
        found = socket.getaddrinfo(name.rstrip("."), port, type=socket.SOCK_STREAM, flags=0)
        return [str(entry[4][0]) for entry in found]

    target = parse_target(f"https://{host}", allow_insecure=False)

    with pytest.raises(Misconfigured, match="not a public address"):
        EgressGuard(resolver=numeric).addresses(target)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:9101", ("127.0.0.1",)),
        ("http://127.0.0.1:9101", ("127.0.0.0/8",)),
        ("http://localhost:9101", ("localhost",)),
        ("http://LOCALHOST.:9101", ("localhost",)),
        ("http://[::1]:9101", ("::1",)),
    ],
)
def test_what_was_expressly_allowed_may_be_private(url: str, allowed: tuple[str, ...]) -> None:
    target = parse_target(url, allow_insecure=True)
    loopback = "::1" if "[" in url else "127.0.0.1"
    guard = EgressGuard(private_hosts=allowed, resolver=lambda host, port: [loopback])

    assert guard.addresses(target) == [loopback]


def test_an_allowed_network_allows_nothing_beside_it() -> None:
    target = parse_target("https://shop.example.com", allow_insecure=False)
    guard = EgressGuard(private_hosts=("127.0.0.0/8",), resolver=lambda host, port: ["10.0.0.1"])

    with pytest.raises(Misconfigured):
        guard.addresses(target)


def test_a_name_nobody_knows_is_no_mistake_of_the_owner() -> None:
    def fails(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror("no such name")

    target = parse_target("https://shop.example.com", allow_insecure=False)

    with pytest.raises(RemoteUnavailable):
        EgressGuard(resolver=fails).addresses(target)
    with pytest.raises(RemoteUnavailable):
        answering().addresses(target)


def test_the_host_header_names_the_port_only_when_it_is_not_the_schemes_own() -> None:
    assert (
        parse_target("https://Shop.Example.com:443/sub/", allow_insecure=False).authority
        == "shop.example.com"
    )
    assert (
        parse_target("http://shop.example.com:8080", allow_insecure=True).authority == "shop.example.com:8080"
    )
    assert (
        parse_target("https://[2606:4700::1]:8443", allow_insecure=False).authority == "[2606:4700::1]:8443"
    )
    assert parse_target("https://shop.example.com/sub/", allow_insecure=False).path == "/sub"


def test_numeric_addresses_resolve_to_themselves() -> None:
    assert list(system_resolver("127.0.0.1", 80)) == ["127.0.0.1"]

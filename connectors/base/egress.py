"""The egress guard: where a connector may send to.

A base URL is typed by staff and a name is answered by anybody's DNS, so each call is checked: https unless
the connection allows otherwise, a name that is resolved once, addresses that are all public (or expressly
allowed), and the connection made to exactly the address that was checked. Does not send anything.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from inventory_sync.domain.errors import Misconfigured, RemoteUnavailable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]

_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]{0,251}[a-z0-9])?\.?\Z")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")
_V4_COMPATIBLE = ipaddress.ip_network("::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """A base URL taken apart: `host` is what TLS and the Host header name, `path` ends without a slash."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The Host header: the port only when it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


def parse_target(base_url: str, *, allow_insecure: bool) -> Target:
    """Return the parts of a base URL, or raise Misconfigured saying what is wrong with it."""
    url = base_url.strip()
    if re.search(r"[\x00-\x20\x7f\\]", url) or not url.isascii():
        raise Misconfigured(
            "The base URL holds spaces, control characters, backslashes or non-ASCII letters."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Misconfigured("The base URL cannot be read.") from error
    if parts.scheme not in ("https", "http"):
        raise Misconfigured("The base URL must begin with https://.")
    if parts.scheme == "http" and not allow_insecure:
        raise Misconfigured("The base URL is plain http; allow it expressly or use https://.")
    if parts.username is not None or parts.password is not None:
        raise Misconfigured("The base URL must not carry a user or password.")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise Misconfigured("The base URL must not carry a query or a fragment.")
    host = (parts.hostname or "").lower()
    if not _is_address(host) and not _HOST.match(host):
        raise Misconfigured("The base URL names no usable host.")
    if port == 0:
        raise Misconfigured("The base URL names port 0.")
    return Target(
        parts.scheme, host, port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/")
    )


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def is_public(address: Address) -> bool:
    """Say whether an address is one of the open internet, whatever it is wrapped in."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None and not is_public(inner):
            return False
        if address.scope_id or address in _NAT64_LOCAL or address in _V4_COMPATIBLE:
            return False
        if address.ipv4_mapped or address in _NAT64:
            return True
        if address.is_site_local:
            return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    )


def system_resolver(host: str, port: int) -> Sequence[str]:
    """Return the addresses of a name in the order the system prefers."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class EgressGuard:
    """Decides to which addresses one target may be connected; `private_hosts` are the allowed exceptions."""

    def __init__(self, *, private_hosts: Sequence[str] = (), resolver: Resolver = system_resolver) -> None:
        self._resolver = resolver
        self._names = {host.lower().rstrip(".") for host in private_hosts}
        self._networks = [network for host in private_hosts if (network := _network(host)) is not None]

    def addresses(self, target: Target) -> list[str]:
        """Return the checked addresses to try, best first.

        Raises RemoteUnavailable when the name is not known, Misconfigured when any address is refused:
        a name that answers with a public and a private address is not to be trusted with either.
        """
        try:
            answered = self._resolver(target.host, target.port)
        except (OSError, UnicodeError) as error:
            raise RemoteUnavailable(f"The host {target.host} is not known.") from error
        if not answered:
            raise RemoteUnavailable(f"The host {target.host} has no address.")
        for text in answered:
            if not self._allowed(target.host, text):
                raise Misconfigured(f"The host {target.host} leads to {text}, which is not a public address.")
        return list(answered)

    def _allowed(self, host: str, text: str) -> bool:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return False
        if is_public(address) or host.rstrip(".") in self._names:
            return True
        return any(address.version == network.version and address in network for network in self._networks)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None

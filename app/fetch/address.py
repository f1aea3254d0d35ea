"""Addresses: which may be fetched, and which of a host's network addresses may be connected to.

A name is resolved once and the connection goes to the very address that was checked, so a name
server that answers differently the second time gains nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from app.fetch.errors import AddressRefused, Unreachable

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_ADDRESS_LENGTH = 2000

_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]*[a-z0-9_.])?")
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# What RFC 3986 lets stand in a path or query; everything else is percent-encoded.
_TARGET_SAFE = "%/:?=&~+!$,;'@()*[]-._"


@dataclass(frozen=True, slots=True)
class Address:
    """An http or https address taken apart: `target` is what the request line asks for."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def read_address(url: str) -> Address:
    """Take `url` apart, or raise `AddressRefused` saying what is wrong with it."""
    if len(url) > MAX_ADDRESS_LENGTH:
        raise AddressRefused(f"the address is longer than {MAX_ADDRESS_LENGTH} characters")
    if any(character <= " " or character == "\x7f" for character in url):
        raise AddressRefused("the address holds a space or a control character")
    try:
        parts = urlsplit(url)
        if parts.scheme not in DEFAULT_PORTS:
            raise AddressRefused("the address is not http or https")
        if "@" in parts.netloc:
            raise AddressRefused("the address holds a user name or password")
        port = DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
        if port == 0:
            raise ValueError("no port")
        host = _ascii_host(parts.hostname or "")
        target = quote(parts.path or "/", safe=_TARGET_SAFE)
        if parts.query:
            target += "?" + quote(parts.query, safe=_TARGET_SAFE)
    except ValueError as error:
        raise AddressRefused("the address is not well formed") from error
    return Address(parts.scheme, host, port, target)


def resolve(address: Address, *, allow_private_hosts: bool) -> list[str]:
    """Return the network addresses to connect to, best first.

    One private, loopback or otherwise special address among them refuses the host as a whole: a
    name that points both ways is an attack or a mistake, and the order of answers is not ours.
    """
    try:
        answers = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable("the host name could not be resolved") from error
    found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    if not allow_private_hosts and not all(is_public(network) for network in found):
        raise AddressRefused("the host is on a private or local network")
    return found


def is_public(network_address: str) -> bool:
    """Say whether packets to this address go to the public internet and nowhere else."""
    try:
        found = ipaddress.ip_address(network_address)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        # An IPv4 address in IPv6 clothes is judged as the IPv4 address that it reaches.
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif found in _NAT64:
            found = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        else:
            return found.is_global and found in _GLOBAL_UNICAST and found.sixtofour is None
    return found.is_global and not found.is_multicast


def _ascii_host(host: str) -> str:
    if ":" in host:
        return str(ipaddress.IPv6Address(host))
    name = host if host.isascii() else host.encode("idna").decode("ascii")
    if not _HOST.fullmatch(name):
        raise ValueError("not a host name")
    return name

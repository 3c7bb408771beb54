"""Who is at the other end of the line, as far as an address tells."""

import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import Scope

__all__ = ["Clients", "address_of", "counted_as"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Clients:
    """A web server in front of the gateway makes all clients look like itself: the trusted ones are asked whom they serve."""

    def __init__(self, trusted: Iterable[Network] = ()) -> None:
        self._trusted = tuple(trusted)

    def is_trusted(self, host: str) -> bool:
        address = _parsed(host)
        return address is not None and any(
            address in network for network in self._trusted if network.version == address.version
        )

    def behind(self, scope: Scope) -> Scope:
        """The scope with the real client: in X-Forwarded-For from the right, the first that is not trusted itself."""
        if not self._trusted or not self.is_trusted(_peer(scope)):
            return scope
        named = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
        for host in reversed([part.strip() for part in named.split(",")]):
            if _parsed(host) is None:
                break
            scope = {**scope, "client": (host, 0)}
            if not self.is_trusted(host):
                break
        return scope


def address_of(scope: Scope) -> str:
    return counted_as(_peer(scope))


def counted_as(host: str) -> str:
    """The address; of IPv6 the /64, which one household or office holds as a whole."""
    address = _parsed(host)
    if address is None:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


def _peer(scope: Scope) -> str:
    return str((scope.get("client") or ("unknown", 0))[0])


def _parsed(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None

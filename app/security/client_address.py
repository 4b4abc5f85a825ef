"""Find the address of a client behind trusted proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from src.core.settings import Settings, listed

Network = IPv4Network | IPv6Network
PRIVATE = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
"""Trusted where AISLE_PROXIES says that there are proxies and AISLE_TRUSTED_PROXIES does not say which."""
MOST_HOPS = 10
_UNIX_SOCKET = "127.0.0.1"


class TrustedProxies:
    """WSGI middleware: REMOTE_ADDR and the scheme are those of the client, as far as trusted proxies report them.

    Attributes:
        networks: addresses of the proxies; X-Forwarded-For and X-Forwarded-Proto of other peers are ignored.
        most_hops: at most so many proxies are between the client and this server.
    """

    def __init__(self, app: Callable[..., Any], networks: tuple[Network, ...], most_hops: int = MOST_HOPS) -> None:
        self._app, self.networks, self.most_hops = app, networks, most_hops

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Answer the request with the client's address in its environment."""
        peer = environ.get("REMOTE_ADDR") or _UNIX_SOCKET
        if is_within(peer, self.networks):
            reported = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
            environ["REMOTE_ADDR"] = client_address(peer, reported, self.networks, self.most_hops)
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
        return self._app(environ, start_response)


def trusted_networks(settings: Settings) -> tuple[Network, ...]:
    """Return the networks of the proxies; empty where there are none."""
    given = settings.trusted_proxies or (PRIVATE if settings.proxies else "")
    return tuple(ip_network(network, strict=False) for network in listed(given))


def client_address(peer: str, reported: list[str], networks: Iterable[Network], most_hops: int = MOST_HOPS) -> str:
    """Return the last address that a trusted proxy reports and that is no trusted proxy itself.

    Everything before that address was written by the client, who may write anything.

    Args:
        peer: address of the connection, a trusted proxy.
        reported: values of X-Forwarded-For, the nearest proxy's last.
        networks: of the trusted proxies.
        most_hops: so many values are believed at most.

    Returns:
        The address; that of the farthest trusted proxy where the header ends or holds no address.
    """
    address = peer
    for value in reversed(reported[-most_hops:]):
        found = _parsed(value)
        if found is None:
            break
        address = found
        if not is_within(address, networks):
            break
    return address


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Whether an address lies in one of the networks.

    Args:
        address: IPv4 or IPv6; one that cannot be read lies in none.
        networks: of either version.

    Returns:
        True if one of them holds it; an IPv4 address in IPv6 notation counts as IPv4.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in network for network in networks)


def _parsed(value: str) -> str | None:
    """An address of X-Forwarded-For, which may have a port and brackets."""
    text = value.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None

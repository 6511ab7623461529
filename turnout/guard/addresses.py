"""Which network a request comes from: what can't be changed as easily as an address."""

import ipaddress
from collections.abc import Mapping
from typing import Any

from django.conf import settings

_HOME = 64  # of an IPv6 address: what a provider gives to one household
_BLOCKS = {4: 24, 6: 48}  # what is handed out, and rented, together


def network(environ: Mapping[str, Any]) -> str:
    """Return the client's IPv4 address, or the /64 of its IPv6 address, from a WSGI environment (PEP 3333).

    `X-Forwarded-For` counts as far as our own proxies wrote it: TRUSTED_PROXY_COUNT entries from its end. Whatever a
    client writes before them is not read.
    """
    remote = str(environ.get("REMOTE_ADDR", ""))
    trusted: int = settings.TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
    claimed = hops[-trusted] if 0 < trusted <= len(hops) else remote
    return _network(claimed) or _network(remote) or "unknown"


def block(client: str) -> str:
    """Return the neighbourhood of a network that `network` returned: an IPv4 /24 or an IPv6 /48; empty if unknown."""
    try:
        address = ipaddress.ip_network(client)
    except ValueError:
        return ""
    return str(address.supernet(new_prefix=_BLOCKS[address.version]))


def _network(text: str) -> str:
    # Some balancers write the port as well: `192.0.2.1:567`, `[2001:db8::1]:567`.
    bare = text.partition("]")[0] if text.startswith("[") else text.partition(":")[0] if text.count(":") == 1 else text
    try:
        address = ipaddress.ip_address(bare.strip("[]").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _HOME), strict=False))
    return str(address)

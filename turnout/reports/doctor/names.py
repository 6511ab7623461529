"""What DNS says, asked of the resolver that this machine uses."""

import ipaddress
from typing import Any

import dns.resolver

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LIFETIME = 3.0  # seconds for one question, however many servers are asked


class BlindError(Exception):
    """The resolver knows no top-level domain, as on machines cut off from the world: its no means nothing."""


def make_resolver() -> dns.resolver.Resolver:
    """Return who is asked."""
    return dns.resolver.Resolver()


def texts(name: str) -> list[str]:
    """Return the TXT records of a name; DNSException where nobody could say."""
    return [b"".join(record.strings).decode(errors="replace") for record in _ask(name, "TXT")]


def mail_servers(name: str) -> list[str]:
    """Return the names of its MX records; `.` is the one of a domain that takes no mail."""
    return [record.exchange.to_text(omit_final_dot=True) for record in _ask(name, "MX")]


def addresses(name: str) -> list[Address]:
    """Return its addresses, or the address that it is."""
    try:
        return [ipaddress.ip_address(name.strip("[]"))]
    except ValueError:
        return [ipaddress.ip_address(record.address) for kind in ("A", "AAAA") for record in _ask(name, kind)]


def require_sight(domain: str) -> None:
    """Raise BlindError unless the resolver knows the top-level domain."""
    top = domain.rpartition(".")[2]
    if not _ask(f"{top}.", "NS"):
        raise BlindError(f"the resolver of this machine does not know .{top}: ask again where DNS answers")


def _ask(name: str, kind: str) -> list[Any]:
    resolver = make_resolver()
    resolver.lifetime = _LIFETIME
    try:
        return list(resolver.resolve(name, kind))
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []

"""SPF (RFC 7208): which machines may send in the name of the sender's domain."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from django.conf import settings

from turnout.reports.doctor import names
from turnout.reports.doctor.findings import Remark, check, error, ok, unknown, warning
from turnout.reports.doctor.sender import asked_domain, uses_smtp

MOST_LOOKUPS = 10  # section 4.6.4
_TERM = re.compile(r"([+?~-]?)([a-z][a-z0-9._-]*)(?:([:=])([^/]*|.*))?((?:/\d+)?(?://\d+)?)", re.IGNORECASE)
_PERMANENT = "Others take the whole record for an error, as if there were none."

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@check("SPF")
def spf() -> Iterator[Remark]:
    """Look at the record, as far as it leads, and whether EMAIL_HOST is among those it allows."""
    domain = asked_domain()
    if not domain:
        return  # `sender` says so
    records = _records(domain)
    if len(records) > 1:
        yield error(f"{domain} has {len(records)} SPF records. {_PERMANENT}", "Make one of them: v=spf1 ... -all")
    elif not records:
        yield warning(
            f"{domain} has no SPF record: mail from it is taken for spam more often, and others send in its name.",
            'Add a TXT record that names who sends for it, such as "v=spf1 mx -all"; a mail provider says which.',
        )
    else:
        policy = _Policy()
        policy.read(domain, records[0])
        yield from _judge(policy, records[0])
        if uses_smtp():
            yield from _of_our_server(policy)


def _records(domain: str) -> list[str]:
    return [text for text in names.texts(domain) if text.lower().split(" ")[0] == "v=spf1"]


@dataclass(slots=True)
class _Policy:
    """What a record says, and those that it includes."""

    lookups: int = 0
    allowed: list[Network] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    is_open: bool = False  # to everybody
    ending: str = ""  # what it says of everybody else: the sign before `all`

    def read(self, domain: str, record: str, *, included: bool = False) -> None:
        """Take in a record of a domain."""
        redirect = ""
        for term in record.split()[1:]:
            parts = _TERM.fullmatch(term)
            sign, name, mark, target, length = parts.groups(default="") if parts else ("", "", "", "", "")
            if mark == "=":
                redirect = target if name.lower() == "redirect" else redirect
            elif name.lower() != "all":
                self._mechanism(name.lower(), target or domain, length, term)
            elif included:
                self.is_open |= sign in {"", "+"}
            else:
                self.ending, self.is_open = sign or "+", self.is_open or sign in {"", "+"}
        if redirect and not re.search(r"(^|\s)[+?~-]?all(\s|$)", record, re.IGNORECASE):
            self._follow(redirect, included=included)

    def _mechanism(self, name: str, target: str, length: str, term: str) -> None:
        match name:
            case "ip4" | "ip6":
                self._allow(f"{target}{length}", term)
            case "include":
                self._follow(target, included=True)
            case "a" if self._may_look_up(target):
                self._allow_hosts([target], length, term)
            case "mx" if self._may_look_up(target):
                self._allow_hosts(names.mail_servers(target), length, term)
            case "ptr" | "exists":
                self.lookups += 1
            case "a" | "mx":
                pass
            case _:
                self.faults.append(f"{term} means nothing")

    def _follow(self, target: str, *, included: bool) -> None:
        if not self._may_look_up(target):
            return
        records = _records(target)
        if len(records) == 1:
            self.read(target, records[0], included=included)
        else:
            self.faults.append(f"{target}, which it refers to, has {len(records)} SPF records")

    def _may_look_up(self, target: str) -> bool:
        """Count a lookup; False for one too many, and for a macro, whose name depends on the mail."""
        self.lookups += 1
        return self.lookups <= MOST_LOOKUPS and "%" not in target

    def _allow_hosts(self, hosts: list[str], length: str, term: str) -> None:
        four, _, six = length.partition("//")
        for address in (address for host in hosts for address in names.addresses(host)):
            prefix = four.strip("/") if address.version == 4 else six  # noqa: PLR2004  # a version
            self._allow(f"{address}/{prefix}" if prefix else str(address), term)

    def _allow(self, text: str, term: str) -> None:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            self.faults.append(f"{term} is no network")
            return
        if term[0] not in "-~?":
            self.allowed.append(network)


def _judge(policy: _Policy, record: str) -> Iterator[Remark]:
    for fault in policy.faults:
        yield error(f"{fault}. {_PERMANENT}", f"Correct the SPF record: {record}")
    if policy.lookups > MOST_LOOKUPS:
        yield error(
            f"The SPF record needs more than {MOST_LOOKUPS} lookups in DNS. {_PERMANENT}",
            "Take out includes of whom you no longer send by, or name their networks by ip4: and ip6:.",
        )
    if policy.is_open:
        yield error(
            f"The SPF record lets everybody send in your name: {record}", "End it with -all, not with all or +all."
        )
    elif policy.ending in {"", "?"} and not policy.faults and policy.lookups <= MOST_LOOKUPS:
        yield warning(f"The SPF record says nothing of those it does not name: {record}", "End it with -all or ~all.")
    elif not policy.faults and policy.lookups <= MOST_LOOKUPS:
        yield ok(record)


def _of_our_server(policy: _Policy) -> Iterator[Remark]:
    """Compare what can be compared: where we hand mail in need not be where it leaves from."""
    host = settings.EMAIL_HOST
    public = [address for address in names.addresses(host) if address.is_global]
    if not public or policy.is_open:
        return
    if any(address in network for address in public for network in policy.allowed):
        yield ok(f"{host} is among those that it allows.")
    else:
        yield unknown(
            f"The addresses of {host} are not among those that the SPF record allows. It may send from others.",
            "Send a test mail to a mailbox elsewhere, and look there for spf=pass in its Authentication-Results. "
            "Where it says anything else, add what the provider tells you to the record.",
        )

"""Servers on this machine that answer as far ones would: DNS and NTP, over real sockets."""

import socketserver
import struct
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import ntplib

Zone = Mapping[str, Sequence[str]]  # "example.org TXT": what it says


@contextmanager
def dns_server(zone: Zone) -> Iterator[dns.resolver.Resolver]:
    """Serve a zone; yield a resolver that asks there. SERVFAIL for a name whose records are `broken`."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            query, channel = self.request
            channel.sendto(_answer(zone, query), self.client_address)

    with _serving(Handler) as port:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], port
        yield resolver


@contextmanager
def ntp_server(ahead: float) -> Iterator[str]:
    """Serve a clock that is so many seconds ahead; yield its address."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            query, channel = self.request
            moment = ntplib.system_to_ntp_time(time.time() + ahead)
            stamp = struct.pack("!II", int(moment), int(moment % 1 * 2**32))
            # Leap 0, version 4, mode 4 (server), stratum 2; reference, originate, receive, transmit: RFC 5905, 7.3.
            head = struct.pack("!BBbb3I", 4 << 3 | 4, 2, 6, -20, 0, 0, 0)
            channel.sendto(head + stamp + query[40:48] + stamp + stamp, self.client_address)

    with _serving(Handler) as port:
        yield f"127.0.0.1:{port}"


@contextmanager
def silent_server() -> Iterator[str]:
    """Take what comes and never answer; yield the address."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            pass

    with _serving(Handler) as port:
        yield f"127.0.0.1:{port}"


@contextmanager
def _serving(handler: Any) -> Iterator[int]:
    with socketserver.ThreadingUDPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def _answer(zone: Zone, query: bytes) -> bytes:
    asked = dns.message.from_wire(query)
    question = asked.question[0]
    name = question.name.to_text(omit_final_dot=True).lower()
    answer = dns.message.make_response(asked)
    answer.flags |= dns.flags.RA
    records = zone.get(f"{name} {dns.rdatatype.to_text(question.rdtype)}", ())
    if "broken" in records:
        answer.set_rcode(dns.rcode.SERVFAIL)
    elif records:
        answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", question.rdtype, list(records)))
    elif not any(key.split()[0] == name for key in zone):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer.to_wire()

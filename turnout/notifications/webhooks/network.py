"""Requests to addresses that others name, which must lead to nobody but the public internet.

A name is resolved by us, each address that it has is checked, and the connection goes to the checked address itself:
what the name says a moment later changes nothing. Nothing is redirected, and no proxy is asked.
"""

import functools
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NewType, TypeAlias

import httpcore
import httpx
from django.conf import settings
from django.utils.translation import gettext as _

from turnout.core.clock import now
from turnout.core.errors import Fault, InvalidError
from turnout.notifications.webhooks.models import LONGEST_URL, Attempt

Error = Attempt.Error
PublicURL = NewType("PublicURL", str)  # what `public_url` returned
IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_IN_ALL = 10.0  # seconds for a request
_TO_CONNECT = 4.0  # to each address
_MOST_ADDRESSES = 4
_MOST_READ = 64 * 1024
_MOST_KEPT = 1000
_LONGEST_PAUSE = timedelta(hours=24)
_FIRST_FREE_PORT, _PORTS_END = 1024, 65536  # below are services that no webhook is; 443 is
_PORTS = {"https": 443, "http": 80}
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# Public to the tables of some versions of Python, and not to anybody else.
_NOT_PUBLIC = [
    ipaddress.ip_network(each)
    for each in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "3fff::/20", "5f00::/16", "fec0::/10", "::/96")
]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class RefusedAddressError(Exception):
    """The address is not public."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request: the status it was answered with, or why it was not."""

    status: int | None = None
    error: Error | str = ""
    text: str = ""
    pause: timedelta = timedelta()  # for which the receiver asks
    took: timedelta = timedelta()


class Resolver:
    """The system's resolver, which knows no limit of its own, with one: of seconds, and of questions at once.

    Whoever runs a domain says how slowly it answers. A question goes on in a thread of its own that nobody waits for
    any more, and counts until it ends.
    """

    def __init__(self, seconds: float, at_once: int) -> None:
        self._seconds = seconds
        self._free = threading.BoundedSemaphore(at_once)

    def ask(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host; OSError without any, at once or after our seconds."""
        if not self._free.acquire(blocking=False):
            raise OSError(host)
        answers: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()
        threading.Thread(target=self._ask, args=(host, port, answers), daemon=True).start()
        try:
            answer = answers.get(timeout=self._seconds)
        except queue.Empty as error:
            raise TimeoutError(host) from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _ask(self, host: str, port: int, answers: "queue.SimpleQueue[list[str] | Exception]") -> None:
        try:
            answers.put(list(resolve(host, port)))
        except (OSError, UnicodeError) as error:
            answers.put(error)
        finally:
            self._free.release()


_ON_THE_PAGE = Resolver(2.0, at_once=4)  # somebody waits, and so does a thread of the web's
_IN_THE_WORKER = Resolver(8.0, at_once=16)  # more than its three loops leave behind


def public_url(text: str) -> PublicURL:
    """Return an address that webhooks may be sent to, in its normal form.

    InvalidError at `/url`: `invalid`, `https_required`, `not_public`. One code for what does not resolve and what
    resolves to something private, or too slowly: nobody learns which names there are inside. Asks a resolver, so it is
    called outside transactions.
    """
    try:
        url = httpx.URL(text)
        host, port = _host(url), _port(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise _fault("invalid", _("Enter an address such as https://example.org/hook.")) from error
    if url.scheme != "https" and not settings.LOCAL:
        raise _fault("https_required", _("The address must begin with https://."))
    try:
        addresses_of(host, port, _ON_THE_PAGE)
    except (RefusedAddressError, OSError, UnicodeError) as error:
        raise _fault("not_public", _("The address is not one that everybody on the internet can reach.")) from error
    return PublicURL(str(url.copy_with(fragment=None)))


def post(url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send this, within ten seconds, and return what became of it; at most 64 KB of the answer are read."""
    start = time.monotonic()
    answer = _post(httpx.URL(url), headers, body, start + _IN_ALL)
    return Answer(answer.status, answer.error, answer.text, answer.pause, timedelta(seconds=time.monotonic() - start))


def addresses_of(host: str, port: int, resolver: Resolver) -> list[IPAddress]:
    """Return the addresses of a host; RefusedAddressError where one of them is not public, OSError without any."""
    found = [ipaddress.ip_address(address) for address in resolver.ask(host, port)]
    if not found:
        raise OSError(host)
    if not all(_may_be_reached(address, port) for address in found):
        raise RefusedAddressError
    return found


def resolve(host: str, port: int) -> Iterable[str]:
    """Ask the system's resolver for the addresses of a host, each once."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return dict.fromkeys(str(info[4][0]) for info in infos)


def is_public(address: IPAddress) -> bool:
    """Tell whether everybody on the internet reaches the same machine at this address; of one in another, the inner."""
    inner = _inner(address)
    if inner is not None:
        return is_public(inner)
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved or address.is_link_local or address.is_unspecified)
        and not any(address in network for network in _NOT_PUBLIC)
    )


def _inner(address: IPAddress) -> IPAddress | None:
    """Return the IPv4 address that a mapped, 6to4, Teredo or NAT64 address stands for."""
    if address.version == 4:  # noqa: PLR2004  # of IP
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])


def _may_be_reached(address: IPAddress, port: int) -> bool:
    networks = [ipaddress.ip_network(network) for network in settings.WEBHOOK_PRIVATE_NETWORKS]
    if any((_inner(address) or address) in network for network in networks):
        return True
    return is_public(address) and not _is_ours(address, port)


def _is_ours(address: IPAddress, port: int) -> bool:
    """Tell whether this machine has the address: then it would be where we come from. Nothing is sent."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004  # of IP
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), port))
            return ipaddress.ip_address(probe.getsockname()[0]) == address
    except OSError:  # there is no way there
        return False


def _host(url: httpx.URL) -> str:
    """Return the host as it is resolved, checked and verified; ValueError for what is none, or written to mislead."""
    host = url.raw_host.decode("ascii").removesuffix(".")
    if url.userinfo or len(str(url)) > LONGEST_URL:
        raise ValueError(host)
    if not _NAME.fullmatch(host):  # whose last part begins with a digit is an IPv4 address, in whatever form
        ipaddress.ip_address(host)
        if "%" in host:
            raise ValueError(host)
    return host


def _port(url: httpx.URL) -> int:
    if url.scheme not in _PORTS:
        raise ValueError(url.scheme)
    port = _PORTS[url.scheme] if url.port is None else url.port
    if port not in range(_FIRST_FREE_PORT, _PORTS_END) and port != _PORTS[url.scheme]:
        raise ValueError(port)
    return port


def _fault(code: str, detail: str) -> InvalidError:
    return InvalidError.at(Fault("/url", code, detail))


# --- Sending -----------------------------------------------------------------------------------------------------


def _post(url: httpx.URL, headers: Mapping[str, str], body: bytes, deadline: float) -> Answer:
    host, port = _host(url), _port(url)
    target = httpcore.URL(scheme=url.raw_scheme, host=host, port=port, target=url.raw_path)
    sent = [("Host", url.netloc.decode("ascii")), *headers.items(), ("Content-Length", str(len(body)))]
    try:
        with (
            httpcore.ConnectionPool(ssl_context=_trust(), network_backend=_Checked(deadline)) as pool,
            pool.stream("POST", target, headers=sent, content=body) as response,
        ):
            return Answer(response.status, text=_read(response), pause=_pause(response))
    except RefusedAddressError:
        return Answer(error=Error.REFUSED_ADDRESS)
    except ssl.SSLError:
        return Answer(error=Error.CERTIFICATE)
    except (httpcore.ConnectError, httpcore.ConnectTimeout):
        return Answer(error=Error.UNREACHABLE)
    except httpcore.TimeoutException:
        return Answer(error=Error.TIMEOUT)
    except (httpcore.NetworkError, httpcore.ProtocolError):
        return Answer(error=Error.BAD_ANSWER)


@functools.cache
def _trust() -> ssl.SSLContext:
    """Return whom we believe to be who they are: those of certifi, or of SSL_CERT_FILE or SSL_CERT_DIR."""
    return httpx.create_ssl_context()


def _read(response: httpcore.Response) -> str:
    """Return the beginning of the answer. Once the status is known nothing in it changes what became of the request."""
    read = b""
    try:
        for chunk in response.iter_stream():
            read += chunk
            if len(read) >= _MOST_READ:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    return read[:_MOST_READ].decode(errors="replace").replace("\0", "")[:_MOST_KEPT]


def _pause(response: httpcore.Response) -> timedelta:
    """Return for how long the receiver asks to be left alone (RFC 9110, section 10.2.3): a day at most."""
    headers = {name.lower(): value for name, value in response.headers}
    text = headers.get(b"retry-after", b"").decode("ascii", errors="replace").strip()
    if response.status not in {429, 503} or not text:
        return timedelta()
    try:
        until = parsedate_to_datetime(text) if not text.isdigit() else now() + timedelta(seconds=int(text[:9]))
        pause = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now()
    except (ValueError, OverflowError):
        return timedelta()
    return min(max(pause, timedelta()), _LONGEST_PAUSE)


class _Checked(httpcore.NetworkBackend):
    """Connects to addresses that were checked, and to nothing else."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers."""
        try:
            addresses = addresses_of(host, port, _IN_THE_WORKER)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError from error
        for address in addresses[:_MOST_ADDRESSES]:
            seconds = min(_TO_CONNECT, _left(self._deadline, httpcore.ConnectTimeout))
            try:
                return _Timed(httpcore.SyncBackend().connect_tcp(str(address), port, seconds), self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        raise httpcore.ConnectError


class _Timed(httpcore.NetworkStream):
    """A connection that ends at a moment, however slowly it goes: the library counts each step anew."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read, until the moment."""
        return self._stream.read(max_bytes, _left(self._deadline, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write, until the moment."""
        self._stream.write(buffer, _left(self._deadline, httpcore.WriteTimeout))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Shake hands; SSLCertVerificationError with somebody who is not whom we look for."""
        try:
            stream = self._stream.start_tls(
                ssl_context, server_hostname, _left(self._deadline, httpcore.ConnectTimeout)
            )
        except httpcore.ConnectError as error:
            if isinstance(error.__cause__, ssl.SSLCertVerificationError):
                raise error.__cause__ from error
            raise
        return _Timed(stream, self._deadline)

    def close(self) -> None:
        """Close."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """Return what the library asks."""
        return self._stream.get_extra_info(info)


def _left(deadline: float, error: type[httpcore.TimeoutException]) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise error
    return left

"""Webhooks go to nobody but the public internet, whatever an address looks like and whenever it changes."""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.support.receiver import Names, make_certificate, receiving
from turnout.core.errors import InvalidError
from turnout.notifications.webhooks import network
from turnout.notifications.webhooks.network import Answer, PublicURL, Resolver, is_public, post, public_url

PUBLIC = "93.184.215.14"

NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104  # nothing is bound to it
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",  # where clouds keep their machines' secrets
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a00:1",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "2001:db8::1",
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2002:a9fe:a9fe::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",  # Teredo of 127.0.0.1
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
IS_PUBLIC = ["1.1.1.1", PUBLIC, "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_that_is_not_public_is_refused_in_whatever_form(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    assert refusal(f"https://{host}/hook") == "not_public"


@pytest.mark.parametrize("address", IS_PUBLIC)
def test_a_public_address_is_taken(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    assert public_url(f"https://{host}:8443/hook?key=1") == f"https://{host}:8443/hook?key=1"


def refusal(url: str) -> str:
    with pytest.raises(InvalidError) as refused:
        public_url(url)
    (fault,) = refused.value.faults
    assert fault.pointer == "/url"
    return fault.code


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hook",
        "//example.org/hook",
        "https://",
        "https:///hook",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "javascript:alert(1)",
        "https://2130706433/",  # 127.0.0.1 as one number
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.0.1.1/",
        "https://example.org.1/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://somebody:secret@example.org/",
        "https://example.org@127.0.0.1/",
        "https://example.org\\@127.0.0.1/",
        "https://exa mple.org/",
        "https://example.org\r\nHost: other/",
        "https://example.org\0.evil/",
        "https://%31%32%37.0.0.1/",
        "https://①②⑦.⓪.⓪.①/",
        "https://-example.org/",
        "https://" + "a" * 64 + ".org/",
        "https://example.org:22/",
        "https://example.org:25/",
        "https://example.org:80/",
        "https://example.org:0/",
        "https://example.org:99999/",
        "http://example.org:443/",
        "https://example.org/" + "a" * 500,
    ],
)
def test_what_is_no_address_of_a_webhook_or_written_to_mislead_is_invalid(url: str, names: Names) -> None:
    names.say("example.org", [PUBLIC])
    assert refusal(url) == "invalid"


def test_names_are_taken_by_what_they_resolve_to(names: Names) -> None:
    names.say("example.org", [PUBLIC])
    names.say("xn--bcher-kva.example", [PUBLIC])
    names.say("inside.example.org", ["10.0.0.5"])
    names.say("half.example.org", [PUBLIC, "10.0.0.5"])
    assert public_url("HTTPS://Example.ORG:443/hook#part") == "https://example.org/hook"
    assert public_url("https://example.org./hook") == "https://example.org./hook"
    assert public_url("https://bücher.example/") == "https://xn--bcher-kva.example/"
    for name in (
        "inside.example.org",
        "half.example.org",
        "unknown.example.org",
        "localhost",
        "localhost.",
        "LOCALHOST",
    ):
        assert refusal(f"https://{name}/hook") == "not_public"  # one answer: nobody learns which names there are inside


def test_a_name_that_resolves_slowly_holds_nobody_for_long_and_a_fifth_of_them_nobody_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        answered.wait(30)
        return [PUBLIC]

    monkeypatch.setattr(network, "resolve", resolve)
    resolver = Resolver(0.2, at_once=4)
    monkeypatch.setattr(network, "_ON_THE_PAGE", resolver)
    took = []
    for _ in range(5):
        start = time.monotonic()
        assert refusal("https://slow.example.org/hook") == "not_public"
        took.append(time.monotonic() - start)
    answered.set()
    assert [0.2 <= each < 1 for each in took] == [True] * 4 + [False]
    assert took[4] < 0.2
    while resolver._free._value < 4:  # those threads end
        time.sleep(0.01)
    assert public_url("https://slow.example.org/hook")


def test_a_name_that_resolves_slowly_does_not_hold_the_worker_either(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        answered.wait(30)
        return []

    monkeypatch.setattr(network, "resolve", resolve)
    monkeypatch.setattr(network, "_IN_THE_WORKER", Resolver(0.2, at_once=1))
    start = time.monotonic()
    assert send("https://slow.example.org/") == (None, "unreachable")
    assert time.monotonic() - start < 5
    answered.set()


def test_http_is_for_ones_own_machine(settings: Settings) -> None:
    assert public_url(f"http://{PUBLIC}/hook") == f"http://{PUBLIC}/hook"
    settings.LOCAL = False
    assert refusal(f"http://{PUBLIC}/hook") == "https_required"


def test_an_address_of_this_very_machine_is_not_public_even_where_it_would_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "is_public", lambda _address: True)
    assert refusal("https://127.0.0.1:8000/hook") == "not_public"
    assert public_url(f"https://{PUBLIC}/hook")


def test_private_networks_are_reached_where_the_operator_says_so(settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["10.1.0.0/16", "fd00::/8"]
    for host in ("10.1.2.3", "[::ffff:10.1.2.3]", "[fd00::1]"):
        assert public_url(f"https://{host}/hook")
    for host in ("10.2.0.1", "[fc00::1]", "127.0.0.1"):
        assert refusal(f"https://{host}/hook") == "not_public"


# --- What is sent ------------------------------------------------------------------------------------------------


def send(url: str) -> tuple[int | None, str]:
    answer: Answer = post(PublicURL(url), {"X-Test": "yes"}, b"{}")
    return answer.status, answer.error


def test_a_name_that_turns_private_after_it_was_checked_is_refused_when_it_is_sent_to(names: Names) -> None:
    with receiving() as receiver:
        names.say("rebinding.example.org", [PUBLIC], ["127.0.0.1"])
        url = public_url(f"http://rebinding.example.org:{receiver.port}/hook")
        assert send(url) == (None, "refused_address")
        assert receiver.got == []


def test_the_connection_goes_to_the_address_that_was_checked_and_the_name_is_asked_once(
    names: Names, settings: Settings
) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    with receiving() as receiver:
        names.say("rebinding.example.org", ["127.0.0.1"], ["10.0.0.1"])
        assert send(f"http://rebinding.example.org:{receiver.port}/hook?key=1") == (204, "")
        (got,) = receiver.got
        assert (got.path, got.headers["host"]) == ("/hook?key=1", f"rebinding.example.org:{receiver.port}")
    assert names.asked == ["rebinding.example.org"]


def test_a_redirect_is_followed_nowhere(settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    with receiving() as receiver, receiving() as other:
        receiver.say(307, {"Location": f"http://127.0.0.1:{other.port}/"})
        assert send(f"http://127.0.0.1:{receiver.port}/") == (307, "")
        assert other.got == []


def test_no_proxy_of_the_environment_is_asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    with receiving() as receiver, receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert send(f"http://127.0.0.1:{receiver.port}/") == (204, "")
        assert proxy.got == []


def test_over_tls_the_certificate_must_be_the_names(
    names: Names, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    certificate = make_certificate(tmp_path, "hooks.example.org")
    names.say("hooks.example.org", ["127.0.0.1"])
    names.say("other.example.org", ["127.0.0.1"])
    with receiving(certificate) as receiver:
        assert send(f"https://hooks.example.org:{receiver.port}/") == (None, "certificate")  # of nobody we know
        monkeypatch.setattr(network, "_trust", lambda: ssl.create_default_context(cafile=str(certificate)))
        assert send(f"https://hooks.example.org:{receiver.port}/") == (204, "")
        assert send(f"https://other.example.org:{receiver.port}/") == (None, "certificate")
        assert len(receiver.got) == 1


def test_what_does_not_answer_is_unreachable_and_what_answers_too_late_is_left(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    monkeypatch.setattr(network, "_IN_ALL", 0.3)
    with receiving() as receiver:
        url = f"http://127.0.0.1:{receiver.port}/"
        receiver.slow = 5
        assert send(url) == (None, "timeout")
    assert send(url) == (None, "unreachable")
    assert send("https://gone.example.org/") == (None, "unreachable")


def test_who_answers_a_byte_at_a_time_is_left_at_the_same_moment(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    monkeypatch.setattr(network, "_IN_ALL", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        answer = post(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, b"{}")
        thread.join()
    assert (answer.status, answer.error) == (None, "timeout")
    assert 0.5 <= answer.took.total_seconds() < 1


def drip(server: socket.socket) -> None:
    client, _address = server.accept()
    with client, contextlib.suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 10:
            client.send(bytes([byte]))
            time.sleep(0.1)


def test_of_an_answer_no_more_is_read_than_64_kilobytes_and_kept_than_1000_characters(settings: Settings) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    with receiving() as receiver:
        receiver.say(500, {}, b"\0\xff" + b"x" * 50_000_000)
        answer = post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")
    assert (answer.status, answer.text) == (500, "�" + "x" * 999)
    assert answer.took.total_seconds() < 2  # all of it would take longer


@pytest.mark.parametrize(
    ("status", "said", "seconds"),
    [(503, "120", 120), (429, "0", 0), (429, "-5", 0), (429, "soon", 0), (503, "9" * 40, 86400), (500, "120", 0)],
)
def test_who_is_busy_says_for_how_long(settings: Settings, status: int, said: str, seconds: int) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1/32"]
    with receiving() as receiver:
        receiver.say(status, {"Retry-After": said})
        answer = post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")
    assert answer.pause.total_seconds() == pytest.approx(seconds, abs=2)

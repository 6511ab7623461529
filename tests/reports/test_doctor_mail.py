"""What the doctor says of the sender's domain, asked of a DNS server on this machine."""

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import dns.resolver
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pytest_django import Settings

from tests.support.played import Zone, dns_server, silent_server
from turnout.reports.doctor import dkim, dmarc, names, sender, spf
from turnout.reports.doctor.findings import Check

DOMAIN = "events.club.dz"
Ask = Callable[[Check, Zone], list[tuple[str, str]]]


@pytest.fixture(autouse=True)
def _production(settings: Settings) -> None:
    settings.LOCAL, settings.MAIL_SHOWN, settings.MAIL_DELIVERED = False, False, True
    settings.EMAIL_BACKEND = "turnout.notifications.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_SSL = "203.0.113.7", True
    settings.DEFAULT_FROM_EMAIL = f"Turnout <turnout@{DOMAIN}>"


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Return a function that runs a check where DNS says what a zone says; level and words of each finding."""
    with ExitStack() as servers:

        def run(check: Check, zone: Zone) -> list[tuple[str, str]]:
            resolver = servers.enter_context(dns_server({"dz NS": ["ns.dz."], **zone}))
            monkeypatch.setattr(names, "make_resolver", lambda: resolver)
            return [(finding.level, finding.says) for finding in check()]

        yield run


def levels(found: list[tuple[str, str]]) -> list[str]:
    return [level for level, _ in found]


def txt(name: str, *records: str) -> dict[str, list[str]]:
    return {f"{name} TXT": [f'"{record}"' for record in records]}


# --- SPF -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "level"),
    [
        ("v=spf1 ip4:198.51.100.1 -all", "ok"),
        ("V=SPF1 a ~all", "ok"),
        ("v=spf1 include:provider.dz -all", "ok"),
        ("v=spf1 redirect=provider.dz", "ok"),
        ("v=spf1 exists:%{i}._spf.provider.dz exp=why.provider.dz -all", "ok"),
        ("v=spf1 mx ?all", "warning"),
        ("v=spf1 mx", "warning"),
        ("v=spf1 +all", "error"),
        ("v=spf1 all", "error"),
        ("v=spf1 include:open.dz -all", "error"),
        ("v=spf1 include:nobody.dz -all", "error"),
        ("v=spf1 redirect=nobody.dz", "error"),
        ("v=spf1 ipv4:198.51.100.1 -all", "error"),
        ("v=spf1 ip4:198.51.100.300 -all", "error"),
        (f"v=spf1 {' '.join(f'exists:{n}.dz' for n in range(10))} -all", "ok"),
        (f"v=spf1 {' '.join(f'exists:{n}.dz' for n in range(11))} -all", "error"),
        ("v=spf1 include:loop.dz -all", "error"),
    ],
)
def test_an_spf_record_is_judged_with_what_it_leads_to(ask: Ask, settings: Settings, record: str, level: str) -> None:
    settings.EMAIL_HOST = "127.0.0.1"  # whence nothing follows
    others = txt("provider.dz", "v=spf1 ip4:198.51.100.0/24 -all") | txt("open.dz", "v=spf1 +all")
    others |= txt("loop.dz", "v=spf1 include:loop.dz -all")
    assert levels(ask(spf.spf, txt(DOMAIN, "google-site-verification=1", record) | others)) == [level]


def test_no_spf_record_is_a_warning_and_two_are_an_error(ask: Ask) -> None:
    assert levels(ask(spf.spf, txt(DOMAIN, "v=spf10 -all"))) == ["warning"]
    assert levels(ask(spf.spf, {})) == ["warning"]
    assert levels(ask(spf.spf, txt(DOMAIN, "v=spf1 -all", "v=spf1 mx -all"))) == ["error"]


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 ip4:8.8.4.0/24 -all",
        "v=spf1 include:provider.dz -all",
        "v=spf1 a:out.provider.dz/24 -all",
        "v=spf1 mx -all",
        "v=spf1 -ip4:8.8.8.0/24 +ip4:8.8.4.4 -all",
    ],
)
def test_the_mail_server_is_looked_for_among_those_allowed(ask: Ask, settings: Settings, record: str) -> None:
    settings.EMAIL_HOST = "smtp.provider.dz"
    zone = txt(DOMAIN, record) | txt("provider.dz", "v=spf1 ip4:8.8.4.4 -all")
    zone |= {f"{DOMAIN} MX": ["10 smtp.provider.dz."], "out.provider.dz A": ["8.8.4.9"]}
    zone |= {"smtp.provider.dz A": ["8.8.4.4"]}
    assert ask(spf.spf, zone) == [("ok", record), ("ok", "smtp.provider.dz is among those that it allows.")]
    zone["smtp.provider.dz A"] = ["8.8.8.8"]
    if record != "v=spf1 mx -all":
        assert levels(ask(spf.spf, zone)) == ["ok", "unknown"]


# --- DKIM ----------------------------------------------------------------------------------------------------------


def rsa(bits: int) -> str:
    key = generate_rsa(65537, bits).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def ed25519() -> str:
    return base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()


def elliptic() -> str:
    key = generate_private_key(SECP256R1()).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def halves(record: str) -> str:
    """Return a record as DNS holds one of more than 255 characters."""
    return f'{record[:200]}" "{record[200:]}'


@pytest.mark.parametrize("selector", [[], ["mail"]])
def test_a_dkim_key_is_found_by_its_selector_and_by_a_common_one(
    ask: Ask, settings: Settings, selector: list[str]
) -> None:
    settings.DKIM_SELECTOR = selector
    found = ask(dkim.dkim, txt(f"mail._domainkey.{DOMAIN}", halves(f"v=DKIM1; k=rsa; p={rsa(2048)}")))
    assert found == [("ok", f"There is a DKIM key at mail._domainkey.{DOMAIN}: rsa, 2048 bits.")]


@pytest.mark.parametrize(
    ("record", "level"),
    [
        (f"v=DKIM1; k=ed25519; p={ed25519()}", "ok"),
        (f"p={rsa(1024)}", "warning"),
        (halves(f"v=DKIM1; t=s:y; p={rsa(2048)}"), "warning"),
        ("v=DKIM1; p=", "error"),
        ("v=DKIM1; p=bm90IGEga2V5", "error"),
        ("v=DKIM1; p=%%%", "error"),
        ("v=DKIM1; k=ed25519; p=bm90IGEga2V5", "error"),
        (f"v=DKIM1; k=rsa; p={elliptic()}", "error"),
        ("v=DKIM1; n=no key", "error"),
    ],
    ids=["ed25519", "short", "trial", "revoked", "none", "no base64", "no ed25519", "another", "no key"],
)
def test_a_dkim_key_is_judged(ask: Ask, settings: Settings, record: str, level: str) -> None:
    settings.DKIM_SELECTOR = ["june"]
    assert levels(ask(dkim.dkim, txt(f"june._domainkey.{DOMAIN}", record))) == [level]


def test_a_dkim_key_too_short_for_any_signature_is_an_error(
    ask: Ask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DKIM_SELECTOR = ["june"]
    monkeypatch.setattr(dkim, "_LEAST_BITS", 1025)  # none shorter can be made any more
    assert levels(ask(dkim.dkim, txt(f"june._domainkey.{DOMAIN}", f"p={rsa(1024)}"))) == ["error"]


def test_two_dkim_keys_in_one_place_are_an_error(ask: Ask, settings: Settings) -> None:
    settings.DKIM_SELECTOR = ["june"]
    assert levels(ask(dkim.dkim, txt(f"june._domainkey.{DOMAIN}", f"p={ed25519()}", f"p={ed25519()}"))) == ["error"]


def test_without_a_selector_no_key_is_unknown_and_a_revoked_one_is_none(ask: Ask) -> None:
    assert levels(ask(dkim.dkim, {})) == ["unknown"]
    assert levels(ask(dkim.dkim, txt(f"mail._domainkey.{DOMAIN}", "v=DKIM1; p="))) == ["unknown"]


# --- DMARC ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "level"),
    [
        (txt(f"_dmarc.{DOMAIN}", "v=DMARC1; p=reject"), "ok"),
        (txt(f"_dmarc.{DOMAIN}", "v=DMARC1;p=quarantine; sp=none"), "ok"),
        (txt(f"_dmarc.{DOMAIN}", "v=DMARC1; p=none; rua=mailto:a@club.dz"), "warning"),
        (txt(f"_dmarc.{DOMAIN}", "v=DMARC1; rua=mailto:a@club.dz"), "error"),
        (txt(f"_dmarc.{DOMAIN}", "v=DMARC1; p=strict"), "error"),
        (txt(f"_dmarc.{DOMAIN}", "v=DMARC1; p=none", "v=DMARC1; p=reject"), "error"),
        (txt(f"_dmarc.{DOMAIN}", "v=DMARC2; p=reject"), "warning"),
        (txt("_dmarc.club.dz", "v=DMARC1; p=reject"), "ok"),
        (txt("_dmarc.club.dz", "v=DMARC1; p=reject; sp=none"), "warning"),
        (txt("_dmarc.club.dz", "v=DMARC1; p=none; sp=reject"), "ok"),
        ({}, "warning"),
    ],
)
def test_the_nearest_dmarc_record_is_judged(ask: Ask, zone: Zone, level: str) -> None:
    assert levels(ask(dmarc.dmarc, zone)) == [level]


# --- The sender ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "level"),
    [
        ({f"{DOMAIN} MX": ["10 mx.club.dz."]}, "ok"),
        ({f"{DOMAIN} A": ["203.0.113.9"]}, "warning"),
        ({f"{DOMAIN} MX": ["0 ."]}, "error"),
        ({}, "error"),
    ],
)
def test_mail_to_the_sender_must_arrive_somewhere(ask: Ask, zone: Zone, level: str) -> None:
    assert levels(ask(sender.mail_exchanger, zone)) == [level]


@pytest.mark.parametrize(
    "address",
    ["turnout@localhost", "turnout@localhost.localdomain", "a@club.example", "a@mail.example.org", "nobody", "a@[::1]"],
)
def test_a_senders_domain_that_is_nobodys_is_an_error_and_dns_is_not_asked(
    ask: Ask, settings: Settings, address: str
) -> None:
    settings.DEFAULT_FROM_EMAIL = address
    assert levels(ask(sender.sender, {})) == ["error"]
    assert [ask(check, {}) for check in (spf.spf, dkim.dkim, dmarc.dmarc, sender.mail_exchanger)] == [[]] * 4


def test_a_senders_address_of_a_real_domain_is_well(ask: Ask) -> None:
    assert ask(sender.sender, {}) == [("ok", f"Mail comes from turnout@{DOMAIN}.")]


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({}, "ok"),
        ({"EMAIL_USE_SSL": False}, "warning"),
        ({"EMAIL_USE_SSL": False, "EMAIL_HOST": "localhost"}, "ok"),
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, "error"),
        ({"EMAIL_BACKEND": "anymail.backends.postmark.EmailBackend"}, "ok"),
        ({"MAIL_DELIVERED": False}, "error"),
        ({"MAIL_SHOWN": True}, "ok"),
    ],
)
def test_where_mail_goes_is_looked_at(ask: Ask, settings: Settings, fields: dict[str, object], level: str) -> None:
    for name, value in fields.items():
        setattr(settings, name, value)
    assert levels(ask(sender.mail_server, {})) == [level]


# --- DNS that fails ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [spf.spf, dmarc.dmarc, dkim.dkim, sender.mail_exchanger])
def test_dns_that_fails_is_unknown_and_never_taken_for_an_empty_one(ask: Ask, check: Check) -> None:
    broken = {f"{name}{DOMAIN} {kind}": ["broken"] for name in ("", "_dmarc.") for kind in ("TXT", "MX")}
    broken[f"default._domainkey.{DOMAIN} TXT"] = ["broken"]
    assert levels(ask(check, broken)) == ["unknown"]


@pytest.mark.parametrize("check", [spf.spf, dmarc.dmarc, dkim.dkim, sender.mail_exchanger])
def test_dns_that_knows_no_top_level_domain_is_unknown(ask: Ask, check: Check) -> None:
    assert levels(ask(check, {"dz NS": ()})) == ["unknown"]


@pytest.mark.parametrize("check", [spf.spf, dmarc.dmarc, dkim.dkim, sender.mail_exchanger])
def test_dns_that_is_silent_is_unknown_after_three_seconds(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names._LIFETIME == 3.0
    monkeypatch.setattr(names, "_LIFETIME", 0.3)
    resolver = dns.resolver.Resolver(configure=False)
    began = time.monotonic()
    with silent_server() as address:
        resolver.nameservers, resolver.port = ["127.0.0.1"], int(address.partition(":")[2])
        monkeypatch.setattr(names, "make_resolver", lambda: resolver)
        assert levels([(finding.level, finding.says) for finding in check()]) == ["unknown"]
    assert time.monotonic() - began < 1

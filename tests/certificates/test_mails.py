"""What holders of certificates are mailed, and told in the app: what is true when it is sent, event or no event."""

import pytest

from tests.support import make
from tests.support.certified import certified
from turnout.accounts.models import User
from turnout.certificates import notices
from turnout.certificates.actions import correct, revoke
from turnout.certificates.mails import _KINDS
from turnout.certificates.models import Certificate
from turnout.core.audit import SYSTEM
from turnout.events.models import Event
from turnout.notifications.feed.actions import number_new
from turnout.notifications.feed.models import Entry
from turnout.notifications.mail import compose
from turnout.notifications.models import Message
from turnout.privacy.actions import erase

pytestmark = pytest.mark.django_db


@pytest.fixture
def event() -> Event:
    return make.event(owner=make.user("farid"), title="Soldering")


@pytest.fixture
def certificate(event: Event) -> Certificate:
    return certified(event, "amina", full_name="Amina Bouzid")


def owed(certificate: Certificate, kind: str) -> str | None:
    """Return what a mail of this kind says now, its subject first; None where it is true no more."""
    mail = compose(Message.objects.get(kind=f"certificate.{kind}", subject=certificate.pk))
    return None if mail is None else f"{mail.subject}\n{mail.body}"


def test_a_mail_says_where_the_certificate_is(certificate: Certificate) -> None:
    text = owed(certificate, "issued")
    assert text is not None
    assert text.splitlines()[0] == "Your certificate: Soldering"
    assert f"\nhttp://127.0.0.1:8000/certificates/{certificate.pk}/\n" in text
    assert f"\nhttp://127.0.0.1:8000/api/certificates/{certificate.pk}/pdf/\n" in text
    assert "\nCertificate of participation\nName on it: Amina Bouzid\nGiven by: Farid\n" in text
    message = Message.objects.get(kind="certificate.issued")
    mail = compose(message)
    assert mail is not None
    assert (message.recipient, mail.attachments) == ("amina@example.org", [])


@pytest.mark.parametrize(("language", "subject"), [("fr", "fr"), ("ar", "ar")])
def test_it_is_in_the_holders_language(event: Event, language: str, subject: str) -> None:
    mail = compose(Message.objects.get(subject=certified(event, "karim", language=language).pk))
    assert mail is not None
    html = str(mail.alternatives[0][0])
    assert f'<html lang="{subject}" dir="{"rtl" if language == "ar" else "ltr"}">' in html


def test_a_correction_is_told_with_its_reason_and_the_first_mail_says_the_new_name(certificate: Certificate) -> None:
    correct(certificate, "Amina Bouzid-Haddad", "She married.", actor=SYSTEM)
    first, second = owed(certificate, "issued"), owed(certificate, "corrected")
    assert first is not None
    assert second is not None
    assert "Name on it: Amina Bouzid-Haddad\n" in first
    assert second.startswith("Your certificate was corrected: Soldering\n")
    assert "\nReason: She married.\n" in second


def test_of_two_corrections_the_last_is_told(certificate: Certificate) -> None:
    for name in ("Amina B.", "Amina Bouzid H."):
        correct(certificate, name, "A typing error.", actor=SYSTEM)
    told = [compose(each) for each in Message.objects.filter(kind="certificate.corrected").order_by("version")]
    assert [mail is not None for mail in told] == [False, True]


def test_who_is_told_of_a_revocation_is_told_nothing_else_any_more(certificate: Certificate) -> None:
    correct(certificate, "Amina B.", "A typing error.", actor=SYSTEM)
    revoke(certificate, "Given to the wrong\nperson.com", actor=SYSTEM)
    assert (owed(certificate, "issued"), owed(certificate, "corrected")) == (None, None)
    text = owed(certificate, "revoked")
    assert text is not None
    assert text.startswith("Your certificate was revoked: Soldering\n")
    assert "\nReason: Given to the wrong person.\u2060com\n" in text


def test_who_erased_themselves_is_told_nothing(certificate: Certificate) -> None:
    revoke(certificate, "Given to the wrong person.", actor=SYSTEM)
    erase(make.user("amina"))
    assert [compose(each) for each in Message.objects.filter(subject=certificate.pk)] == [None, None]
    assert set(Message.objects.filter(subject=certificate.pk).values_list("state", flat=True)) == {"void"}


def test_mails_say_the_same_once_the_event_is_gone(certificate: Certificate, event: Event) -> None:
    before = owed(certificate, "issued")
    Event.objects.filter(pk=event.pk).update(title="Something else\r\nBcc: victim@example.org")
    assert owed(certificate, "issued") == before
    Certificate.objects.filter(pk=certificate.pk).update(event=None, registration=None)
    assert owed(certificate, "issued") == before
    revoke(Certificate.objects.get(pk=certificate.pk), "Given to the wrong person.", actor=SYSTEM)
    assert (owed(certificate, "revoked") or "").startswith("Your certificate was revoked: Soldering\n")


def test_a_title_adds_no_header() -> None:
    event = make.event(owner=make.user(), title="Soldering\r\nBcc: victim@example.org")
    mail = compose(Message.objects.get(subject=certified(event, "amina").pk, kind="certificate.issued"))
    assert mail is not None
    assert mail.message()["Bcc"] is None
    assert mail.recipients() == ["amina@example.org"]


# --- In the app ------------------------------------------------------------------------------------------------------


@pytest.fixture
def amina() -> User:
    return make.user("amina", language="en")


def test_who_has_an_account_is_told_in_the_app_and_led_to_the_page(amina: User, event: Event) -> None:
    certificate = certified(event, "amina")
    certified(event, "somebody")
    correct(certificate, "Amina B.", "A typing error.", actor=SYSTEM)
    Certificate.objects.filter(pk=certificate.pk).update(event=None)
    revoke(certificate, "Given to the wrong person.", actor=SYSTEM)
    number_new()
    rows = make.client(amina).get("/api/me/notifications/").json()["results"]
    assert [(row["title"], row["event"], row["link"]) for row in rows if row["kind"].startswith("certificate.")] == [
        (sentence, event_id, f"http://127.0.0.1:8000/certificates/{certificate.pk}/")
        for sentence, event_id in (
            ("Your certificate for “Soldering” was revoked.", None),
            ("Your certificate for “Soldering” was corrected.", str(event.pk)),
            ("You have a certificate for “Soldering”.", str(event.pk)),
        )
    ]


def test_each_kind_of_mail_about_a_certificate_has_its_sentence() -> None:
    assert set(notices.SENTENCES) == set(_KINDS)
    entry = Entry(kind="certificate.unheard_of", subject=make.event().pk, data={"title": "Soldering"})
    assert notices.write(entry).title == "Soldering"

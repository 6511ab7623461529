"""Certificates and templates in the admin."""

import pytest
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.support import make
from tests.support.certified import by_hand, certified
from turnout.accounts.actions.second_factor import enrol_second_factor
from turnout.accounts.models import User
from turnout.certificates.actions import correct
from turnout.certificates.models import Certificate, Template
from turnout.core.audit import SYSTEM, actor_of
from turnout.core.models import AuditEntry
from turnout.privacy.actions import erase

pytestmark = pytest.mark.django_db

CERTIFICATES, TEMPLATES = "/admin/certificates/certificate/", "/admin/certificates/template/"


@pytest.fixture
def boss() -> User:
    return make.staff()


@pytest.fixture
def desk(boss: User) -> Client:
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(boss)
    enrol_second_factor(boss)
    session = browser.session
    session[DEVICE_ID_SESSION_KEY] = TOTPDevice.objects.get(user=boss).persistent_id
    session.save()
    return browser


def test_certificates_are_found_by_id_address_and_words_of_the_name(desk: Client) -> None:
    event = make.event(owner=make.user("farid"))
    amina, nadia = certified(event, "amina", full_name="Amina Bouzid"), by_hand(event, "Nadia Rahal")

    def found(words: str) -> list[Certificate]:
        return list(desk.get(CERTIFICATES, {"q": words}).context["cl"].result_list)

    assert found(str(amina.pk)) == found("AMINA@example.org") == found("bouz AMI") == [amina]
    assert (found("nadia"), found("nadia bouzid"), found("nadia@example.org")) == ([nadia], [], [])


def test_a_certificates_page_shows_all_its_versions_and_changes_nothing(desk: Client) -> None:
    certificate = certified(make.event(owner=make.user("farid")), "amina", full_name="Amina Bouzid")
    correct(certificate, "Amina Haddad", "She married.", actor=SYSTEM)
    path = f"{CERTIFICATES}{certificate.pk}/change/"
    page = desk.get(path).content.decode()
    for said in ("Amina Bouzid", "Amina Haddad", "She married.", certificate.address()):
        assert said in page
    assert desk.post(path, {"full_name": "Mallory"}).status_code == 403
    assert desk.post(f"{CERTIFICATES}{certificate.pk}/delete/", {"post": "yes"}).status_code == 403
    erase(make.user("amina"))
    assert "Amina" not in desk.get(path).content.decode()


def test_staff_bring_templates_and_withdraw_them(desk: Client, boss: User) -> None:
    source = '#set page(paper: "a4")\nCertificate'
    assert desk.post(f"{TEMPLATES}add/", {"name": "Own", "source": source}).status_code == 302
    template = Template.objects.get()
    assert (template.name, template.source, template.made_by) == ("Own", source, actor_of(boss))
    assert desk.post(f"{TEMPLATES}{template.pk}/change/", {"name": "Other", "source": "x"}).status_code == 403
    assert (
        source.partition("\n")[0].replace('"', "&quot;")
        in desk.get(f"{TEMPLATES}{template.pk}/change/").content.decode()
    )
    desk.post(TEMPLATES, {"action": "withdraw_chosen", "_selected_action": [str(template.pk)]})
    template.refresh_from_db()
    assert (template.name, template.withdrawn_at is None) == ("Own", False)
    actors = AuditEntry.objects.filter(subject=template.pk).values_list("actor", flat=True)
    assert set(actors) == {actor_of(boss)}


def test_a_template_without_a_name_or_a_source_is_sent_back(desk: Client) -> None:
    answer = desk.post(f"{TEMPLATES}add/", {"name": "Own", "source": ""})
    assert (answer.status_code, Template.objects.count()) == (200, 0)


def test_who_is_not_on_staff_sees_none_of_it() -> None:
    for path in (CERTIFICATES, TEMPLATES, f"{TEMPLATES}add/"):
        assert make.client(make.user()).get(path).status_code == 302

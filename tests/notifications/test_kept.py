import pytest
from django.test import Client
from pytest_django import Settings

from tests.support import make
from turnout.jobs.worker import run_once
from turnout.notifications import kept

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kept_as_on_ones_own_machine(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "turnout.notifications.kept.EmailBackend"


def test_every_mail_can_be_read_in_the_browser(browser: Client) -> None:
    registration = make.pending(make.event(title="Café <script>"), full_name="Amélie")
    make.confirmed(make.event())
    assert run_once() == 3
    mails = {mail.message["To"]: mail for mail in kept.latest()}
    assert len(mails) == 2
    mail = mails[registration.email]
    assert mail.message["Subject"] == "Confirm your registration: Café <script>"
    shown = browser.get(f"/mail/{mail.name}/")
    assert registration.confirmation_token in shown.content.decode()
    assert "Café &lt;script&gt;" in browser.get("/mail/").content.decode()
    html = browser.get(f"/mail/{mail.name}/html/")
    assert html["Content-Security-Policy"].startswith("sandbox")
    assert "Amélie" in html.content.decode()


def test_a_file_that_goes_with_a_mail_can_be_opened(browser: Client) -> None:
    make.confirmed(make.event())
    run_once()
    name = kept.latest()[0].name
    answer = browser.get(f"/mail/{name}/files/ticket.pdf")
    assert (answer["Content-Type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
    assert browser.get(f"/mail/{name}/files/passwd").status_code == 404


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e%2fsecret_key", "*"])
def test_nothing_but_mail_is_read(browser: Client, name: str) -> None:
    assert browser.get(f"/mail/{name}/").status_code == 404
